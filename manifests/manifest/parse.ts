import type { JsonObject } from '../json.ts';
import schema from './manifest.schema.json' with { type: 'json' };
import type {
  CapabilityRequest,
  Contributions,
  ExtensionId,
  Manifest,
  OidcProvider,
  ProviderContribution,
  SamlProvider,
  SsoProvider,
} from './manifest.ts';
import { ManifestError } from './manifest-error.ts';
import { ruleProblems } from './rules.ts';
import { unsupported } from './unsupported.ts';
import { ajv, describe, MAX_PROBLEMS } from './validator.ts';

/** What the schema lets through, defaults filled in; wider than `Manifest` by what this host does not offer. */
type Shape = Omit<Manifest, 'capabilities' | 'contributes'> & {
  capabilities: CapabilityRequest[];
  contributes: Omit<Contributions, 'events' | 'ssoProviders' | 'oidcProviders' | 'samlProviders'> & {
    providers: (Declared<SsoProvider> | Declared<OidcProvider> | Declared<SamlProvider>)[];
    events: { subscribes: Subscribed[]; publishes: Contributions['events']['publishes'] };
  };
};

/** A provider as it is written: the schema has no defaults below an alternative. */
type Declared<Provider extends ProviderContribution> = Omit<
  Provider,
  'roles' | 'defaultRoles' | 'scopes' | 'map'
> &
  Partial<Pick<Provider, keyof Provider & ('roles' | 'defaultRoles' | 'scopes' | 'map')>>;

/** A type alone is delivered at least once. */
type Subscribed = string | { type: string; delivery?: 'at-least-once' | 'transactional' };

const matchesSchema = ajv.later<Shape>(schema);
const ID = new RegExp(schema.properties.id.pattern);

/**
 * The manifest of an extension out of parsed JSON, which is left untouched. Nothing but what `Manifest` names comes out.
 * @throws `ManifestError`: `E_MANIFEST_INVALID` with every problem named, or `E_UNSUPPORTED` when it is a
 *   manifest but wants something this host does not offer
 */
export function parseManifest(json: unknown): Manifest {
  const raw: unknown = structuredClone(json);
  const missing = unsupported(raw);
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

/** Copies member by member, so that what the schema allows and the type does not name stays behind. */
function pick(raw: Shape): Manifest {
  const { endpoints, hooks, events, exports, jobs, schedules, channels, roles } = raw.contributes;
  const { commands, help, formats, widgets, panels, explorers } = raw.contributes;
  const versions = pickVersions(raw.contributes);
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
    capabilities: raw.capabilities.map((request) => scopedToNamed(request, raw)),
    contributes: {
      endpoints,
      versions,
      hooks,
      events: { ...pickSubscriptions(events), publishes: events.publishes },
      exports,
      jobs,
      schedules,
      channels,
      ...pickProviders(raw.contributes),
      roles,
      commands,
      help,
      formats,
      widgets,
      panels,
      explorers,
    },
    ...optional(raw),
    secrets: raw.secrets,
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

/** What of the host's an extension may use is what it names: the gate holds it to that, and operators see it. */
function scopedToNamed(request: CapabilityRequest, { secrets }: Shape): CapabilityRequest {
  const { name, scope } = request;
  if (name === 'filesystem.read' || name === 'filesystem.write')
    return { ...request, scope: { mounts: [], ...scope } };
  if (name !== 'system.secrets' || scope !== undefined) return request;
  return { ...request, scope: { names: secrets.map(({ name }) => name) } };
}

/** What the manifest says of versions, and those its endpoints are of without more being said. */
function pickVersions({ endpoints, versions }: Shape['contributes']): Contributions['versions'] {
  const said = new Set(versions.map(({ version }) => version));
  const others = new Set(endpoints.map(({ version }) => version).filter((version) => !said.has(version)));
  return [...versions, ...[...others].map((version) => ({ version }))].sort((a, b) => a.version - b.version);
}

function pickProviders({
  providers,
}: Shape['contributes']): Pick<Contributions, 'ssoProviders' | 'oidcProviders' | 'samlProviders'> {
  const common = { roles: [], defaultRoles: [] };
  return {
    ssoProviders: providers
      .filter((provider) => provider.kind === 'sso')
      .map((sso) => ({ ...common, ...sso })),
    oidcProviders: providers
      .filter((provider) => provider.kind === 'oidc')
      .map((oidc) => ({ ...common, scopes: ['openid', 'profile', 'email'], map: false, ...oidc })),
    samlProviders: providers
      .filter((provider) => provider.kind === 'saml')
      .map((saml) => ({ ...common, map: false, ...saml })),
  };
}

function pickSubscriptions({
  subscribes,
}: Shape['contributes']['events']): Pick<Contributions['events'], 'subscribes' | 'transactional'> {
  const typeOf = (entry: Subscribed) => (typeof entry === 'string' ? entry : entry.type);
  const isTransactional = (entry: Subscribed) =>
    typeof entry !== 'string' && entry.delivery === 'transactional';
  return {
    subscribes: subscribes.map(typeOf),
    transactional: subscribes.filter(isTransactional).map(typeOf),
  };
}

function optional(raw: Shape): { config?: JsonObject; migrations?: string } {
  return {
    ...(raw.config === undefined ? {} : { config: raw.config }),
    ...(raw.migrations === undefined ? {} : { migrations: raw.migrations }),
  };
}
