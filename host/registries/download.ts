import { createHash } from 'node:crypto';
import { MagError, messageOf, toMagError } from '../../kernel/errors.ts';
import type { Upload } from '../../kernel/operator.ts';
import { MAX_ATTESTATIONS_BYTES } from '../../kernel/trust/attestation-file.ts';
import type { AnyManifest } from '../../manifests/manifest/manifest.ts';
import {
  attestationsPath,
  bundlePath,
  entryOf,
  INDEX_FILE,
  type IndexEntry,
  MAX_BUNDLE_BYTES,
  MAX_INDEX_BYTES,
  packagePath,
  type RegistryIndex,
  readIndex,
} from './index-format.ts';
import type { Registry } from './registries-file.ts';
import { openSource, type Source } from './source.ts';

/** A version, and the registry that lists it. */
export interface Listed {
  readonly entry: IndexEntry;
  readonly registry: Registry;
}

/** @throws `E_REGISTRY`, `E_REGISTRY_INDEX`, naming the registry */
export function downloadIndex(registry: Registry, signal: AbortSignal): Promise<RegistryIndex> {
  return naming(registry, async () => {
    const bytes = await openSource(registry).read(INDEX_FILE, MAX_INDEX_BYTES, signal);
    if (bytes === null) throw new MagError('E_REGISTRY', `it has no ${INDEX_FILE}`);
    return readIndex(bytes);
  });
}

/**
 * A package, its signature and its attestations, in memory. Its bytes are those the index names; whose they are is for the trust
 * policy to say.
 * @throws `E_REGISTRY`, `E_REGISTRY_MISMATCH`, naming the registry
 */
export function download({ entry, registry }: Listed, signal: AbortSignal): Promise<Upload> {
  const source = openSource(registry);
  return naming(registry, async () => {
    const archive = await source.read(packagePath(entry), entry.sizeBytes, signal);
    if (archive === null) throw new MagError('E_REGISTRY', `${packagePath(entry)} is not there`);
    const digest = `sha256:${createHash('sha256').update(archive).digest('hex')}`;
    if (archive.byteLength !== entry.sizeBytes || digest !== entry.digest)
      throw mismatch(`${packagePath(entry)} is not the file that the index names`);
    const bundle = await source.read(bundlePath(entry), MAX_BUNDLE_BYTES, signal);
    const attestations = await downloadAttestations(entry, source, signal);
    return { archive, bundle: textIn(bundle), attestations: textIn(attestations) };
  });
}

async function downloadAttestations(entry: IndexEntry, source: Source, signal: AbortSignal) {
  if (entry.attestations !== true) return null;
  const path = attestationsPath(entry);
  const bytes = await source.read(path, MAX_ATTESTATIONS_BYTES, signal);
  if (bytes === null) throw new MagError('E_REGISTRY', `${path} is not there`);
  return bytes;
}

function textIn(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('utf8');
}

/** Whether a verified package is what an index said. @throws `E_REGISTRY_MISMATCH` naming what differs */
export function requireListed(manifest: AnyManifest, { entry, registry }: Listed): void {
  const real = entryOf(manifest, entry.digest, entry.sizeBytes);
  const said = Object.keys(real) as (keyof IndexEntry)[];
  // What people read in a search may differ; what was decided by may not.
  const wrong = said
    .filter((member) => member !== 'displayName' && member !== 'description')
    .find((member) => canonical(real[member]) !== canonical(entry[member]));
  if (wrong === undefined) return;
  const what = `${entry.id} ${entry.version}: the index lies about its ${wrong}`;
  throw mismatch(`registry ${registry.name}: ${what}`);
}

function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function naming<Result>(registry: Registry, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (cause) {
    const { code } = toMagError(cause, 'E_REGISTRY');
    const why = cause instanceof MagError ? messageOf(cause) : 'it took too long, or failed';
    throw new MagError(code, `registry ${registry.name}: ${why}`, { cause });
  }
}

function mismatch(detail: string): MagError {
  return new MagError('E_REGISTRY_MISMATCH', detail);
}
