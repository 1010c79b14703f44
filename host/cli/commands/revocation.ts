import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { KeylessOptions } from '../../packaging/sign-keyless.ts';
import { signerOf } from '../../trust/signer-body.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { pathOf } from '../client.ts';
import { example } from '../example.ts';
import { countUpTo } from '../options.ts';
import { readFileOrRefuse } from '../read-file.ts';
import type { ListToMake } from '../revocation-file.ts';
import type { OpenSession, Session } from '../session.ts';
import {
  addRemovalOptions,
  addSignerOptions,
  onHostOrFile,
  type RemovalOptions,
  readSigner,
  type SignerOptions,
} from '../signer.ts';
import { table } from '../table.ts';
import { UsageError } from '../usage-error.ts';

interface TrustOptions extends SignerOptions {
  readonly publishers?: readonly string[];
}

interface SignOptions extends KeylessOptions {
  readonly key?: string;
  readonly keyless?: boolean;
}

/** What was taken back: lists that are made and signed by their issuers, and taken in by hosts. */
export function addRevocationCommands(program: Command, open: OpenSession): void {
  addTrusting(program, open);
  addTaking(program, open);
  addMaking(program, open);
}

function addTrusting(program: Command, open: OpenSession): void {
  addSignerOptions(
    program
      .command('revocation:trust <name>')
      .description('let the revocation lists count that an issuer of this name signs with a key or identity'),
    {
      from: 'not before this time, such as 2027-01-01T00:00:00Z',
      until: 'not from this time on',
    },
  )
    .option('--publishers <publisher...>', 'it may take back what is theirs (default: anything)')
    .addHelpText(
      'after',
      example(
        'revocation:trust acme-security --key acme-security.pub --publishers acme',
        'revocation:trust advisories --issuer https://token.actions.githubusercontent.com --san https://github.com/org/advisories/.github/workflows/list.yml@refs/heads/main --trusted-root trusted_root.json',
      ),
    )
    .action((name: string, options: TrustOptions, command: Command) => trust(open(command), name, options));
  addRemovalOptions(
    program
      .command('revocation:distrust <name>')
      .description('let the list of an issuer count no longer, or take no new ones of one key'),
    {
      key: 'only no new lists of this key; what was taken back stays so',
      identity: 'only no new lists of this identity',
    },
  )
    .addHelpText(
      'after',
      example('revocation:distrust acme-security', 'revocation:distrust acme-security --key-id 2026'),
    )
    .action((name: string, options: RemovalOptions, command: Command) =>
      distrust(open(command), name, options),
    );
}

function addTaking(program: Command, open: OpenSession): void {
  program
    .command('revocation:import <file-or-url>')
    .description('take in a signed list: what it takes back stops, on every host, and does not start again')
    .addHelpText(
      'after',
      example('revocation:import revoked.json', 'revocation:import https://acme.example/revoked.json'),
    )
    .action((at: string, _options: unknown, command: Command) => importList(open(command), at));
  program
    .command('revocation:list')
    .description('the lists that were taken in, whether they count, and what is wrong with them')
    .addHelpText('after', example('revocation:list'))
    .action((_options: unknown, command: Command) => list(open(command)));
}

function addMaking(program: Command, open: OpenSession): void {
  program
    .command('revocation:make <file>')
    .description('write the next list of an issuer: what the file takes back already, and more')
    .option('--issuer <name>', 'the name trust policies know the issuer by; of a new file')
    .option('--reason <text>', 'why, for those who run it')
    .option('--revoke-package <file-or-digest...>', 'this very package')
    .option('--revoke-version <id@range...>', 'versions of an extension, such as "acme/hello@<1.2.3"')
    .option('--revoke-key <file-or-fingerprint...>', 'everything a key signed')
    .option('--revoke-identity <issuer-and-san...>', 'everything an identity signed: "<issuer> <san>"')
    .option('--revoke-publisher <publisher...>', 'everything of a publisher')
    .option('--days <days>', 'when the next list is due', countUpTo(366), 30)
    .addHelpText(
      'after',
      example(
        'revocation:make revoked.json --issuer acme-security --revoke-version "acme/hello@<1.2.3" --reason "it leaks keys"',
        'revocation:make revoked.json',
      ),
    )
    .action((file: string, options: ListToMake, command: Command) => make(open(command), file, options));
  program
    .command('revocation:sign <file>')
    .description('sign a list: writes <file>.sigstore.json beside it')
    .option('--key <file.key>', 'the private key that key:generate made')
    .addOption(new Option('--keyless', 'with a certificate for the identity of this CI run').conflicts('key'))
    .option('--identity-token <token>', 'for --keyless: an OpenID Connect token (default: SIGSTORE_ID_TOKEN)')
    .option('--fulcio-url <url>', 'for --keyless: the certificate authority')
    .option('--rekor-url <url>', 'for --keyless: the transparency log')
    .addHelpText('after', example('revocation:sign revoked.json --key acme-security.key'))
    .action((file: string, options: SignOptions, command: Command) => sign(open(command), file, options));
}

async function trust(
  session: Session,
  revoker: string,
  { publishers, ...options }: TrustOptions,
): Promise<void> {
  const signer = await readSigner(session, 'revocation:trust', options);
  const scope = publishers === undefined ? {} : { publishers: [...publishers] };
  const body = { issuer: revoker, ...scope, ...signer };
  await onHostOrFile(
    session,
    () => session.client().send('POST', '/v1/revocation-issuers', body),
    (admin) => admin.trustRevoker({ revoker, ...scope, ...signerOf(signer) }),
  );
  session.output.print({ issuer: revoker, ...scope }, () => `the revocation lists of ${revoker} count`);
}

async function distrust(
  session: Session,
  revoker: string,
  { keyId, identity }: RemovalOptions,
): Promise<void> {
  const signer = keyId ?? identity;
  const rest = signer === undefined ? [] : ['signers', signer];
  await onHostOrFile(
    session,
    () => session.client().send('DELETE', pathOf('v1', 'revocation-issuers', revoker, ...rest)),
    (admin) => admin.removeRevoker(revoker, signer),
  );
  session.output.print({ issuer: revoker, signer: signer ?? null, removed: true }, () =>
    signer === undefined
      ? `the list of ${revoker} counts no longer`
      : `no new list of ${revoker} is taken that ${signer} signed`,
  );
}

async function importList(session: Session, at: string): Promise<void> {
  const { readSignedList } = await import('../signed-list.ts');
  const { bytes, bundle } = await readSignedList(session.terminal.cwd, at);
  const body = { list: Buffer.from(bytes).toString(), bundle: bundle ?? '' };
  const answer = objectIn(await session.client().send('POST', '/v1/revocations', body));
  session.output.print(answer, () => {
    const what = `list ${textIn(answer, 'number')} of ${textIn(answer, 'issuer')}`;
    const stopped = Array.isArray(answer.stopped) ? answer.stopped : [];
    return [
      answer.again === true
        ? `${what} was taken in before`
        : `${what} counts: ${textIn(answer, 'entries')} entries`,
      stopped.length === 0 ? 'nothing that runs is taken back' : `stopped: ${stopped.join(', ')}`,
    ].join('\n');
  });
}

async function list(session: Session): Promise<void> {
  const answer = objectIn(await session.client().get('/v1/revocations'));
  session.output.print(answer, () => {
    const lists = objectsIn(answer.lists);
    const without = Object.keys(objectIn(answer.issuers)).filter(
      (name) => !lists.some((row) => row.issuer === name),
    );
    return table(
      [...lists, ...without.map((issuer) => ({ issuer, counts: true, trouble: 'no list was taken in yet' }))],
      [
        ['issuer', (row) => textIn(row, 'issuer')],
        ['number', (row) => textIn(row, 'number')],
        ['entries', (row) => textIn(row, 'entries')],
        ['next update', (row) => textIn(row, 'nextUpdate')],
        ['counts', (row) => (row.counts === true ? 'yes' : 'no')],
        ['trouble', (row) => textIn(row, 'trouble')],
      ],
    );
  });
}

async function make(session: Session, file: string, options: ListToMake): Promise<void> {
  const { makeList } = await import('../revocation-file.ts');
  const { issuer, number, nextUpdate, revoked } = await makeList(session.terminal.cwd, file, options);
  session.output.print({ file, issuer, number, nextUpdate, entries: revoked.length }, () =>
    [
      `${file}: list ${number} of ${issuer}, ${revoked.length} entries, good until ${nextUpdate}`,
      `next: mag revocation:sign ${file} --key <file.key>`,
    ].join('\n'),
  );
}

async function sign(session: Session, name: string, options: SignOptions): Promise<void> {
  const { key, keyless = false } = options;
  const { cwd, env } = session.terminal;
  if (key === undefined && !keyless) throw new UsageError('revocation:sign needs --key or --keyless');
  const file = resolve(cwd, name);
  const { readRevocationList } = await import('../../../kernel/trust/revocation-list.ts');
  readRevocationList(await readFileOrRefuse(file, 'revocation list')); // no signature on what a host would refuse
  const bundle =
    key === undefined
      ? await (await import('../../packaging/sign-keyless.ts')).signKeyless(file, {
          identityToken: env.SIGSTORE_ID_TOKEN,
          ...options,
        })
      : await (await import('../../packaging/sign.ts')).signPackage(file, resolve(cwd, key));
  session.output.print({ bundle }, () => bundle);
}
