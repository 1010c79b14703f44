import addFormats from 'ajv-formats';
import type { JsonObject } from '../../manifests/json.ts';
import type { Manifest } from '../../manifests/manifest/manifest.ts';
import { SchemaCompiler } from '../../manifests/schema-compiler.ts';
import { MagError } from '../errors.ts';

/**
 * The configuration an extension is started with: what the operator set, with the defaults of its schema.
 * @throws `E_CONFIG_INVALID` naming every entry that does not match
 */
export function completeConfig(manifest: Manifest, config: JsonObject): JsonObject {
  const complete = structuredClone(config);
  if (manifest.config === undefined) {
    const [extra] = Object.keys(complete);
    if (extra !== undefined)
      throw new MagError('E_CONFIG_INVALID', `${manifest.id} takes no configuration, not even ${extra}`);
    return complete;
  }
  const ajv = new SchemaCompiler({ strict: false, useDefaults: true, allErrors: true });
  addFormats.default(ajv);
  const valid = ajv.compile(manifest.config);
  if (valid(complete)) return complete;
  const problems = (valid.errors ?? []).map(
    (problem) => `${problem.instancePath || '/'} ${problem.message ?? 'is invalid'}`,
  );
  throw new MagError('E_CONFIG_INVALID', problems.slice(0, 20).join('; '));
}
