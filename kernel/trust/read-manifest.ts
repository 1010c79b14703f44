import type { AnyManifest, ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import { ManifestError } from '../../manifests/manifest/manifest-error.ts';
import { manifestId } from '../../manifests/manifest/parse.ts';
import { parseAnyManifest } from '../../manifests/manifest/parse-bundle.ts';
import { MagError, messageOf } from '../errors.ts';

const MAX_MANIFEST_BYTES = 262_144;

/**
 * The JSON of a `manifest.json`, and the id it gives itself. Nothing else in it is looked at yet.
 * @throws `E_MANIFEST_INVALID`
 */
export function readManifestJson(bytes: Uint8Array): { json: unknown; id: ExtensionId } {
  if (bytes.byteLength > MAX_MANIFEST_BYTES) throw invalid('manifest.json is over 256 KiB.');
  const json = parseJson(bytes);
  const id = manifestId(json);
  if (id === null) throw invalid('manifest.json has no id of the form publisher/name (/id).');
  return { json, id };
}

/**
 * The manifest of an extension.
 * @throws `E_MANIFEST_INVALID`, also for the one of a bundle; `E_UNSUPPORTED`
 */
export function readManifest(bytes: Uint8Array): Manifest {
  const manifest = readAnyManifest(bytes);
  if (manifest.kind === 'extension') return manifest;
  throw invalid(`${manifest.id} is a bundle, which has no code of its own.`);
}

/** @throws `E_MANIFEST_INVALID`, `E_UNSUPPORTED` */
export function readAnyManifest(bytes: Uint8Array): AnyManifest {
  const { json, id } = readManifestJson(bytes);
  try {
    return parseAnyManifest(json);
  } catch (error) {
    if (error instanceof ManifestError) {
      throw new MagError(error.code, `The manifest of ${id}: ${error.message}.`, { cause: error });
    }
    throw invalid('manifest.json is nested too deeply to be read.', error);
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalid(`manifest.json is not JSON: ${messageOf(error)}`, error);
  }
}

function invalid(message: string, cause?: unknown): MagError {
  return new MagError('E_MANIFEST_INVALID', message, { cause });
}
