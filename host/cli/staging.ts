import { basename } from 'node:path';
import type { JsonObject } from '../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from './answer.ts';
import { printable } from './printable.ts';
import { readFileOrRefuse, readIfThere } from './read-file.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';

/** The signature of a package lies beside it under this ending. */
export const BUNDLE_SUFFIX = '.sigstore.json';

/**
 * Sends a package and the signature beside it to the host. Without one the host answers `E_SIG_MISSING`:
 * what is trusted is decided there.
 */
export async function stageFile(session: Session, file: string): Promise<JsonObject> {
  const form = new FormData();
  const archive = await readFileOrRefuse(file, 'package');
  form.set('package', new Blob([archive], { type: 'application/gzip' }), basename(file));
  const bundle = await readIfThere(file + BUNDLE_SUFFIX);
  if (bundle) {
    form.set('bundle', new Blob([bundle], { type: 'application/json' }), basename(file) + BUNDLE_SUFFIX);
  }
  return objectIn(await session.client().send('POST', '/v1/extensions', form));
}

/** Of versions that are neither installed nor the newest the host lists no capabilities. */
const UNKNOWN = '(the host does not say for this version; stage its file to see)';

/** Says who made the staged package and what it asks for. */
export function describeStaged(staged: JsonObject): string {
  const warnings = Array.isArray(staged.warnings) ? staged.warnings : [];
  return [
    printable(`${textIn(staged, 'id')} ${textIn(staged, 'version')} (${textIn(staged, 'digest')})`),
    printable(`signed by ${textIn(staged, 'signedBy')}, tier ${textIn(staged, 'tier')}`),
    '',
    'It asks for:',
    Array.isArray(staged.capabilities) ? capabilityTable(objectsIn(staged.capabilities)) : UNKNOWN,
    ...warnings.map((warning) => `warning: ${printable(String(warning))}`),
  ].join('\n');
}

/** Rows as the manifest declares them: capability, scope and the author's reason. */
export function capabilityTable(capabilities: readonly JsonObject[]): string {
  return table(capabilities, [
    ['capability', (row) => textIn(row, 'name')],
    ['scope', (row) => scopeText(row)],
    ['reason', (row) => textIn(row, 'reason')],
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
  return keys.map(([key, values]) => `${key}: ${Array.isArray(values) ? values.join(', ') : ''}`).join('; ');
}
