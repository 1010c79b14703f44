import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { Json } from '../../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { isRefused, pathOf } from '../client.ts';
import { example } from '../example.ts';
import { readFileOrRefuse } from '../read-file.ts';
import type { OpenSession, Session } from '../session.ts';
import { table } from '../table.ts';

interface AddOptions {
  readonly key: string;
  readonly tier: 'verified' | 'community';
}

/** Whose packages the host accepts. */
export function addTrustCommands(program: Command, open: OpenSession): void {
  program
    .command('trust:add <publisher>')
    .description('accept packages of a publisher that are signed with a key')
    .requiredOption('--key <file.pub>', 'the public key, PEM')
    .addOption(new Option('--tier <tier>', 'how far').choices(['verified', 'community']).default('community'))
    .addHelpText('after', example('trust:add acme --key acme.pub --tier verified'))
    .action((publisher: string, options: AddOptions, command: Command) =>
      add(open(command), publisher, options),
    );
  program
    .command('trust:list')
    .description('publishers, their tiers and keys')
    .addHelpText('after', example('trust:list'))
    .action((_options: unknown, command: Command) => list(open(command)));
  program
    .command('trust:remove <publisher>')
    .description('trust a publisher, or one key of it, no longer; what it signed is refused from then on')
    .option('--key-id <id>', 'only this key')
    .addHelpText('after', example('trust:remove acme', 'trust:remove acme --key-id acme-2026'))
    .action((publisher: string, options: { keyId?: string }, command: Command) =>
      remove(open(command), publisher, options.keyId),
    );
}

async function add(session: Session, publisher: string, { key, tier }: AddOptions): Promise<void> {
  const publicKey = (await readFileOrRefuse(resolve(session.terminal.cwd, key), 'key')).toString();
  await onHostOrFile(
    session,
    () => session.client().send('POST', '/v1/trust', { publisher, publicKey, tier }),
    async (files, dataDir) => files.addTrustedKey(dataDir, publisher, publicKey, tier),
  );
  session.output.print({ publisher, tier }, () => `${publisher} is trusted, tier ${tier}`);
}

async function remove(session: Session, publisher: string, keyId: string | undefined): Promise<void> {
  const path = pathOf('v1', 'trust', publisher, ...(keyId === undefined ? [] : ['keys', keyId]));
  await onHostOrFile(
    session,
    () => session.client().send('DELETE', path),
    async (files, dataDir) => {
      await files.removeTrust(dataDir, publisher, keyId);
      return null;
    },
  );
  const what = keyId === undefined ? publisher : `the key ${keyId} of ${publisher}`;
  session.output.print(
    { publisher, key: keyId ?? null, removed: true },
    () => `${what} is trusted no longer`,
  );
}

async function list(session: Session): Promise<void> {
  const answer = await onHostOrFile(
    session,
    () => session.client().get('/v1/trust'),
    async (files, dataDir) => JSON.parse(JSON.stringify(await files.listTrust(dataDir))) as Json,
  );
  session.output.print(answer, () =>
    table(keyRows(answer), [
      ['publisher', (row) => textIn(row, 'publisher')],
      ['tier', (row) => textIn(row, 'tier')],
      ['key', (row) => textIn(row, 'id')],
      ['until', (row) => textIn(row, 'notAfter')],
      ['removed', (row) => textIn(row, 'revokedAt')],
    ]),
  );
}

function keyRows(answer: Json) {
  return Object.entries(objectIn(objectIn(answer).publishers)).flatMap(([publisher, entry]) => {
    const { tier, keys } = objectIn(entry);
    return objectsIn(keys ?? []).map((key) => ({
      ...key,
      publisher,
      ...(tier === undefined ? {} : { tier }),
    }));
  });
}

type TrustFiles = typeof import('../../packaging/trust-file.ts');

/**
 * Asks the running host, which takes the change up at once. Without one on this machine the file in the data
 * folder is edited, for the host that is started next. Another machine's host is never edited by mistake.
 */
async function onHostOrFile<Answer>(
  session: Session,
  ask: () => Promise<Answer>,
  edit: (files: TrustFiles, dataDir: string) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    if (!isRefused(error) || !session.isLocal()) throw error;
    const { dataDir } = session.config();
    session.output.say(`no host is running: editing the trust policy in ${dataDir}`);
    return edit(await import('../../packaging/trust-file.ts'), dataDir);
  }
}
