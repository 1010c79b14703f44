import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import semver from 'semver';
import type { JsonObject } from '../json.ts';
import schema from './manifest.schema.json' with { type: 'json' };
import type { CapabilityRequest, ExtensionId, Manifest } from './manifest.ts';
import { ManifestError } from './manifest-error.ts';
import { ruleProblems } from './rules.ts';
import { unsupported } from './unsupported.ts';

/** More problems than these help nobody. */
const MAX_PROBLEMS = 20;

/** What the schema lets through, defaults filled in; wider than `Manifest` by what this host does not offer. */
type Shape = Omit<Manifest, 'capabilities'> & { capabilities: CapabilityRequest[] };

const ajv = new Ajv2020({
  strict: true,
  strictRequired: false,
  allErrors: true,
  useDefaults: true,
  ownProperties: true,
  formats: {
    semver: (text) => semver.valid(text) === text,
    'semver-range': (text) => semver.validRange(text) !== null,
  },
});
const matchesSchema = ajv.compile<Shape>(schema);
const ID = new RegExp(schema.properties.id.pattern);

/**
 * A manifest out of parsed JSON, which is left untouched. Nothing but what `Manifest` names comes out.
 * @throws `ManifestError`: `E_MANIFEST_INVALID` with every problem named, or `E_UNSUPPORTED` when it is a
 *   manifest but wants something this host does not offer
 */
export function parseManifest(json: unknown): Manifest {
  const raw: unknown = structuredClone(json);
  const missing = unsupported(raw);
  // A bundle has another shape: against this schema it would only be called malformed.
  if (isBundle(raw)) throw new ManifestError('E_UNSUPPORTED', missing);
  if (!matchesSchema(raw))
    throw new ManifestError('E_MANIFEST_INVALID', describe(matchesSchema.errors ?? []));
  if (missing.length > 0) throw new ManifestError('E_UNSUPPORTED', missing);
  const manifest = pick(raw);
  const problems = ruleProblems(manifest);
  if (problems.length > 0) throw new ManifestError('E_MANIFEST_INVALID', problems.slice(0, MAX_PROBLEMS));
  return manifest;
}

/** The id a manifest gives itself, before anything else in it is looked at; `null` if it gives none. */
export function manifestId(json: unknown): ExtensionId | null {
  if (typeof json !== 'object' || json === null || !('id' in json)) return null;
  return isExtensionId(json.id) ? json.id : null;
}

/** Whether it is `<publisher>/<name>` as spec 02 allows it. */
export function isExtensionId(value: unknown): value is ExtensionId {
  return typeof value === 'string' && ID.test(value);
}

function isBundle(raw: unknown): boolean {
  return typeof raw === 'object' && raw !== null && 'kind' in raw && raw.kind === 'bundle';
}

function describe(errors: readonly ErrorObject[]): string[] {
  const sentences = errors.map(({ instancePath, keyword, message, params }) => {
    const place = instancePath === '' ? '/' : instancePath;
    if (keyword === 'additionalProperties')
      return `${place} has the unknown member ${params.additionalProperty}`;
    if (keyword === 'const') return `${place} must be ${JSON.stringify(params.allowedValue)}`;
    if (keyword === 'enum') return `${place} must be one of ${params.allowedValues.join(', ')}`;
    return `${place} ${message ?? 'is wrong'}`;
  });
  return [...new Set(sentences)].slice(0, MAX_PROBLEMS);
}

/** Copies member by member, so that what the schema allows and the type does not name stays behind. */
function pick(raw: Shape): Manifest {
  const { endpoints, hooks, events } = raw.contributes;
  return {
    manifestVersion: 1,
    kind: 'extension',
    id: raw.id,
    version: raw.version,
    displayName: raw.displayName,
    description: raw.description,
    license: raw.license,
    engines: { magflock: raw.engines.magflock },
    entry: raw.entry,
    dependencies: raw.dependencies,
    capabilities: raw.capabilities,
    contributes: { endpoints, hooks, events: { subscribes: events.subscribes, publishes: events.publishes } },
    ...optional(raw),
    limits: {
      cpuMs: raw.limits.cpuMs,
      wallMs: raw.limits.wallMs,
      memoryMb: raw.limits.memoryMb,
      hostCallsPerSecond: raw.limits.hostCallsPerSecond,
      egressKbPerMinute: raw.limits.egressKbPerMinute,
    },
    health: raw.health,
    isolation: raw.isolation,
  };
}

function optional(raw: Shape): { config?: JsonObject; migrations?: string } {
  return {
    ...(raw.config === undefined ? {} : { config: raw.config }),
    ...(raw.migrations === undefined ? {} : { migrations: raw.migrations }),
  };
}
