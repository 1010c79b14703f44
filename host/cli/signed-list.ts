import { resolve } from 'node:path';
import { codeOf, MagError, messageOf } from '../../kernel/errors.ts';
import type { SignedList } from '../../kernel/trust/accept-list.ts';
import { MAX_LIST_BYTES } from '../../kernel/trust/revocation-list.ts';
import { createWebSource } from '../registries/web-source.ts';
import { readFileOrRefuse, readIfThere } from './read-file.ts';
import { BUNDLE_SUFFIX } from './staging.ts';

const MAX_BUNDLE_BYTES = 1_048_576;
const DEADLINE_MS = 60_000;

/**
 * A revocation list and the bundle beside it, of a file or behind an address. Nothing is verified yet.
 * @throws `E_NOT_FOUND`, `E_BAD_REQUEST`, `E_NET`
 */
export async function readSignedList(cwd: string, at: string): Promise<SignedList> {
  if (/^https?:\/\//i.test(at)) return download(new URL(at));
  const file = resolve(cwd, at);
  const bytes = await readFileOrRefuse(file, 'revocation list');
  return { bytes, bundle: (await readIfThere(file + BUNDLE_SUFFIX))?.toString() ?? null };
}

async function download(at: URL): Promise<SignedList> {
  const source = createWebSource(new URL('.', at));
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const name = at.pathname.slice(at.pathname.lastIndexOf('/') + 1);
  const read = (path: string, maxBytes: number) =>
    source.read(`${path}${at.search}`, maxBytes, signal).catch((cause: unknown) => {
      if (codeOf(cause) !== 'E_REGISTRY') throw cause;
      throw new MagError('E_NET', messageOf(cause), { cause });
    });
  const bytes = await read(name, MAX_LIST_BYTES);
  if (bytes === null) throw new MagError('E_NOT_FOUND', `there is no revocation list at ${at.href}`);
  const bundle = await read(name + BUNDLE_SUFFIX, MAX_BUNDLE_BYTES);
  return { bytes, bundle: bundle === null ? null : Buffer.from(bundle).toString() };
}
