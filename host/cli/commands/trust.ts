import { type Command, Option } from 'commander';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import { policyView } from '../../trust/policy-json.ts';
import { signerOf } from '../../trust/signer-body.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { pathOf } from '../client.ts';
import { example } from '../example.ts';
import { requirementsText } from '../explain-attestations.ts';
import { printable } from '../printable.ts';
import type { OpenSession, Session } from '../session.ts';
import {
  addRemovalOptions,
  addSignerOptions,
  onHostOrFile,
  type RemovalOptions,
  readSigner,
  removalPath,
  type SignerOptions,
} from '../signer.ts';
import { type Column, table } from '../table.ts';

interface AddOptions extends SignerOptions {
  readonly tier?: 'verified' | 'community';
}

/** Whose packages the host accepts. */
export function addTrustCommands(program: Command, open: OpenSession): void {
  addSignerOptions(
    program
      .command('trust:add <publisher>')
      .description(
        'accept packages of a publisher that are signed with a key, or by an identity without one',
      ),
    {
      from: 'refuse it before this time: the next key, trusted ahead',
      until: 'refuse it from this time on, such as 2027-12-31T00:00:00Z',
    },
  )
    .addOption(
      new Option('--tier <tier>', 'how far (default: as before; of a new one, community)').choices([
        'verified',
        'community',
      ]),
    )
    .addHelpText(
      'after',
      example(
        'trust:add acme --key acme.pub --tier verified',
        'trust:add acme --key next.pub --from 2027-01-01T00:00:00Z',
        'trust:add acme --issuer https://token.actions.githubusercontent.com --san https://github.com/acme/x/.github/workflows/release.yml@refs/heads/main --trusted-root trusted_root.json',
      ),
    )
    .action((publisher: string, options: AddOptions, command: Command) =>
      add(open(command), publisher, options),
    );
  program
    .command('trust:list')
    .description('publishers and reviewers with their keys, and what packages need')
    .addHelpText('after', example('trust:list'))
    .action((_options: unknown, command: Command) => list(open(command)));
  addRemovalOptions(
    program
      .command('trust:remove <publisher>')
      .description('trust a publisher, or one key of it, no longer; what it signed is refused from then on'),
    { key: 'only this key', identity: 'only this identity' },
  )
    .addHelpText('after', example('trust:remove acme', 'trust:remove acme --key-id acme-2026'))
    .action((publisher: string, options: RemovalOptions, command: Command) =>
      remove(open(command), publisher, options),
    );
}

async function add(session: Session, publisher: string, { tier, ...options }: AddOptions): Promise<void> {
  const signer = await readSigner(session, 'trust:add', options);
  const whom = { publisher, ...(tier === undefined ? {} : { tier }) };
  const trusted = await onHostOrFile(
    session,
    async () => objectIn(await session.client().send('POST', '/v1/trust', { ...whom, ...signer })),
    async (trust) => ({ tier: (await trust.trustPublisher({ ...whom, ...signerOf(signer) })).tier }),
  );
  const now = textIn(trusted, 'tier');
  session.output.print({ publisher, tier: now }, () => `${publisher} is trusted, tier ${now}`);
}

async function remove(session: Session, publisher: string, options: RemovalOptions): Promise<void> {
  const named = options.keyId ?? options.identity;
  await onHostOrFile(
    session,
    () => session.client().send('DELETE', pathOf('v1', 'trust', publisher, ...removalPath(options))),
    (trust) => trust.removePublisher(publisher, named),
  );
  const what = named === undefined ? publisher : `${named} of ${publisher}`;
  session.output.print(
    { publisher, key: named ?? null, removed: true },
    () => `${what} is trusted no longer`,
  );
}

async function list(session: Session): Promise<void> {
  const answer = await onHostOrFile(
    session,
    () => session.client().get('/v1/trust'),
    async (trust) => JSON.parse(JSON.stringify(policyView(await trust.policy()))) as Json,
  );
  session.output.print(answer, () =>
    [
      table(signerRows(answer, 'publishers'), [
        ['publisher', (row) => textIn(row, 'name')],
        ['tier', (row) => textIn(row, 'tier')],
        ...SIGNER_COLUMNS,
      ]),
      ...reviewersText(answer),
      ...needsText(answer),
    ].join('\n'),
  );
}

const SIGNER_COLUMNS: readonly Column<JsonObject>[] = [
  ['key or identity', (row) => textIn(row, 'id') || textIn(row, 'san')],
  ['from', (row) => textIn(row, 'notBefore')],
  ['until', (row) => textIn(row, 'notAfter')],
  ['removed', (row) => textIn(row, 'revokedAt')],
];

function reviewersText(answer: Json): string[] {
  const rows = signerRows(answer, 'reviewers');
  if (rows.length === 0) return [];
  return ['', table(rows, [['reviewer', (row) => textIn(row, 'name')], ...SIGNER_COLUMNS])];
}

/** What packages need beside their signature, of the publishers that it is asked of. */
function needsText(answer: Json): string[] {
  const lines = Object.entries(objectIn(objectIn(answer).publishers)).flatMap(([name, entry]) => {
    const { reviews, provenance } = objectIn(entry);
    const rule = provenance === null || provenance === undefined ? null : objectIn(provenance);
    const needs = requirementsText({
      reviews: typeof reviews === 'number' ? reviews : 0,
      provenance: rule && {
        builder: textIn(rule, 'builder'),
        sourceRepository: textIn(rule, 'sourceRepository'),
      },
    });
    return needs.length === 0 ? [] : [printable(`${name} needs ${needs.join('; ')}`)];
  });
  return lines.length === 0 ? [] : ['', ...lines];
}

function signerRows(answer: Json, kind: 'publishers' | 'reviewers'): JsonObject[] {
  return Object.entries(objectIn(objectIn(answer)[kind])).flatMap(([name, entry]) => {
    const { tier, keys, identities } = objectIn(entry);
    return [...objectsIn(keys ?? []), ...objectsIn(identities ?? [])].map((key) => ({
      ...key,
      name,
      ...(tier === undefined ? {} : { tier }),
    }));
  });
}
