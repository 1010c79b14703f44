import schema from './bundle.schema.json' with { type: 'json' };
import type { AnyManifest, BundleManifest } from './manifest.ts';
import { ManifestError } from './manifest-error.ts';
import { parseManifest } from './parse.ts';
import { ajv, describe } from './validator.ts';

/** What the schema lets through; wider than `BundleManifest` by what this host does not offer. */
interface Shape extends Omit<BundleManifest, 'displayName'> {
  readonly displayName?: string;
  readonly requires?: { readonly license?: string };
}

const matchesSchema = ajv.later<Shape>(schema);

/**
 * The manifest of an extension or a bundle out of parsed JSON, which is left untouched.
 * @throws `ManifestError`, as `parseManifest` does
 */
export function parseAnyManifest(json: unknown): AnyManifest {
  return isBundle(json) ? parseBundle(structuredClone(json)) : parseManifest(json);
}

function isBundle(json: unknown): boolean {
  return typeof json === 'object' && json !== null && 'kind' in json && json.kind === 'bundle';
}

function parseBundle(raw: unknown): BundleManifest {
  if (!matchesSchema(raw))
    throw new ManifestError('E_MANIFEST_INVALID', describe(matchesSchema.errors ?? []));
  const { id, version, displayName = id, description, license, engines, extensions, requires } = raw;
  if (requires?.license !== undefined)
    throw new ManifestError('E_UNSUPPORTED', ['this host does not offer licenses (/requires/license)']);
  if (Object.hasOwn(extensions, id))
    throw new ManifestError('E_MANIFEST_INVALID', [`/extensions: ${id} cannot be a member of itself`]);
  return {
    manifestVersion: 1,
    kind: 'bundle',
    id,
    version,
    displayName,
    description,
    ...(license === undefined ? {} : { license }),
    engines: { magflock: engines.magflock },
    extensions,
  };
}
