import { basename } from 'node:path';
import type { JsonObject } from '../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from './answer.ts';
import { printable } from './printable.ts';
import { readFileOrRefuse, readIfThere } from './read-file.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';

/** The signature of a package lies beside it under this ending. */
export const BUNDLE_SUFFIX = '.sigstore.json';
/** Reviews and provenance lie under this one. */
export const ATTESTATIONS_SUFFIX = '.intoto.jsonl';

/**
 * Sends a package and the signature and attestations beside it to the host. Without one the host answers `E_SIG_MISSING`:
 * what is trusted is decided there.
 */
export async function stageFile(session: Pick<Session, 'client'>, file: string): Promise<JsonObject> {
  const form = new FormData();
  const archive = await readFileOrRefuse(file, 'package');
  form.set('package', new Blob([archive], { type: 'application/gzip' }), basename(file));
  const bundle = await readIfThere(file + BUNDLE_SUFFIX);
  if (bundle) {
    form.set('bundle', new Blob([bundle], { type: 'application/json' }), basename(file) + BUNDLE_SUFFIX);
  }
  const attestations = await readIfThere(file + ATTESTATIONS_SUFFIX);
  if (attestations) {
    const name = basename(file) + ATTESTATIONS_SUFFIX;
    form.set('attestations', new Blob([attestations], { type: 'application/jsonl' }), name);
  }
  return objectIn(await session.client().send('POST', '/v1/extensions', form));
}

/** Of versions that are neither installed nor the newest the host lists no capabilities. */
const UNKNOWN = '(the host does not say for this version; stage its file to see)';

/** Says who made the staged package and what it asks for. */
export function describeStaged(staged: JsonObject): string {
  return [
    printable(`${textIn(staged, 'id')} ${textIn(staged, 'version')} (${textIn(staged, 'digest')})`),
    printable(`signed by ${textIn(staged, 'signedBy')}, tier ${textIn(staged, 'tier')}`),
    '',
    ...(staged.kind === 'bundle' ? ['Its members:', memberTable(objectsIn(staged.members)), ''] : []),
    'It asks for:',
    Array.isArray(staged.capabilities) ? capabilityTable(objectsIn(staged.capabilities)) : UNKNOWN,
    ...warningsIn(staged),
  ].join('\n');
}

/** What an operator should see to, a line each. */
export function warningsIn({ warnings }: JsonObject): string[] {
  return Array.isArray(warnings) ? warnings.map((warning) => `warning: ${printable(String(warning))}`) : [];
}

/** Rows as the manifest declares them: capability, scope and the author's reason. */
export function capabilityTable(capabilities: readonly JsonObject[]): string {
  const member = ['member', (row: JsonObject) => textIn(row, 'member')] as const;
  return table(capabilities, [
    ...(capabilities.some((row) => row.member !== undefined) ? [member] : []),
    ['capability', (row) => textIn(row, 'name')],
    ['scope', (row) => scopeText(row)],
    ['reason', (row) => textIn(row, 'reason')],
  ]);
}

/** The members of a bundle, each with the version that it has or would get. */
export function memberTable(members: readonly JsonObject[]): string {
  return table(members, [
    ['member', (row) => textIn(row, 'id')],
    ['range', (row) => textIn(row, 'range')],
    [
      'version',
      (row) =>
        row.satisfied === false ? `${textIn(row, 'version')} (not in range)` : textIn(row, 'version'),
    ],
    ['state', (row) => textIn(row, 'state')],
  ]);
}

/** Grants with their use, to see which ones could go. */
export function grantTable(grants: readonly JsonObject[]): string {
  return table(grants, [
    ['capability', (row) => textIn(row, 'capability')],
    ['scope', (row) => scopeText(row)],
    ['uses', (row) => textIn(row, 'uses')],
    ['last used', (row) => textIn(row, 'lastUsedAt')],
  ]);
}

/** A scope in one line: `tables: public.users`; `everything` where the author named none. */
function scopeText(row: JsonObject): string {
  const { scope } = row;
  if (scope === undefined || scope === null) return 'everything';
  const keys = Object.entries(objectIn(scope));
  return keys.map(([key, values]) => `${key}: ${listText(values)}`).join('; ');
}

function listText(values: unknown): string {
  return Array.isArray(values) && values.length > 0 ? values.join(', ') : 'none';
}
