import {
  capabilityRow,
  eventRow,
  hookRow,
  isCapability,
  isHook,
  isHostEvent,
  isTapped,
  scopeValueProblems,
} from '../catalog/index.ts';
import { schemaProblems } from './bounded-schema.ts';
import { routeOf } from './endpoint-key.ts';
import { isInbound } from './inbound.ts';
import type { CapabilityRequest, Manifest } from './manifest.ts';
import { providerProblems, providersOf } from './provider-rules.ts';
import { scheduleProblem } from './schedule-rules.ts';

/** What a manifest of the right shape still says wrongly: one sentence for each problem, with its place. */
export function ruleProblems(manifest: Manifest): string[] {
  return [
    ...duplicates(manifest),
    ...manifest.capabilities.flatMap(scopeProblems),
    ...contributionProblems(manifest),
    ...webhookProblems(manifest),
    ...bodyProblems(manifest),
    ...versionProblems(manifest),
    ...publishProblems(manifest),
    ...tapProblems(manifest),
    ...scheduleProblems(manifest),
    ...commandProblems(manifest),
    ...channelProblems(manifest),
    ...secretProblems(manifest),
    ...providerProblems(manifest),
    ...dependencyProblems(manifest),
    ...(manifest.config === undefined
      ? []
      : schemaProblems(manifest.config).map((problem) => `/config is no usable JSON Schema: ${problem}`)),
  ];
}

function duplicates(manifest: Manifest): string[] {
  const { capabilities, contributes, secrets } = manifest;
  const { endpoints, versions, hooks, events, exports, jobs, schedules, channels, roles } = contributes;
  const { commands, formats, widgets, panels, explorers } = contributes;
  const frames = [...widgets, ...panels, ...explorers];
  return [
    ...repeated(capabilities.map(({ name }) => name)).map((name) => `/capabilities names ${name} twice`),
    ...repeated(secrets.map(({ name }) => name)).map((name) => `/secrets names ${name} twice`),
    ...repeated(endpoints.map((endpoint) => `${routeOf(endpoint)} in version ${endpoint.version}`)).map(
      (name) => `/contributes/endpoints has ${name} twice`,
    ),
    ...repeated(versions.map(({ version }) => `${version}`)).map(
      (version) => `/contributes/versions has ${version} twice`,
    ),
    ...repeated(hooks.map(({ hook }) => hook)).map((hook) => `/contributes/hooks has ${hook} twice`),
    ...repeated(jobs.map(({ name }) => name)).map((name) => `/contributes/jobs has ${name} twice`),
    ...repeated(schedules.map(({ name }) => name)).map((name) => `/contributes/schedules has ${name} twice`),
    ...repeated(providersOf(manifest).map(({ name }) => name)).map(
      (name) => `/contributes/providers has ${name} twice`,
    ),
    ...repeated(roles.map(({ name }) => name)).map((name) => `/contributes/roles has ${name} twice`),
    ...repeated(channels.map(({ name }) => name)).map((name) => `/contributes/channels has ${name} twice`),
    ...channels.flatMap(({ name, events }) =>
      repeated(events).map((type) => `/contributes/channels: ${name} has ${type} twice`),
    ),
    ...repeated(exports.map(({ name }) => name)).map((name) => `/contributes/exports has ${name} twice`),
    ...repeated(namesOf(commands)).map((name) => `/contributes/commands has ${name} twice`),
    ...repeated(namesOf(formats)).map((name) => `/contributes/formats has ${name} twice`),
    ...repeated(namesOf(frames)).map((name) => `/contributes has the frame ${name} twice`),
    ...repeated(events.subscribes).map((type) => `/contributes/events/subscribes has ${type} twice`),
    ...repeated(events.publishes.map(({ type }) => type)).map(
      (type) => `/contributes/events/publishes has ${type} twice`,
    ),
  ];
}

function namesOf(contributions: readonly { readonly name: string }[]): string[] {
  return contributions.map(({ name }) => name);
}

function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

function scopeProblems(request: CapabilityRequest): string[] {
  if (!isCapability(request.name)) return [];
  const row = capabilityRow(request.name);
  if (request.scope === undefined) {
    return row.scopeRequired ? [`/capabilities: ${request.name} needs a scope`] : [];
  }
  const known = Object.keys(row.scope);
  const scope = request.scope;
  return [
    ...Object.keys(scope)
      .filter((key) => !Object.hasOwn(row.scope, key))
      .map((key) => `has no scope ${key} (it has ${known.length > 0 ? known.join(', ') : 'none'})`),
    ...known
      .filter((key) => row.scope[key]?.required === true && !Object.hasOwn(scope, key))
      .map((key) => `needs the scope ${key}`),
    ...scopeValueProblems(request.name, scope),
  ].map((problem) => `/capabilities: ${request.name} ${problem}`);
}

/** What the contributions of a manifest need: the part of it, and the capability. */
export function contributionNeeds(manifest: Manifest): [what: string, capability: string][] {
  const { endpoints, hooks, events, jobs, schedules, channels, roles } = manifest.contributes;
  const { commands, help, formats, widgets, panels, explorers } = manifest.contributes;
  const open = endpoints.find(({ auth }) => isInbound(auth));
  const needs: [what: string, capability: string][] = [];
  if (endpoints.length > 0) needs.push(['endpoints', 'api.register_endpoint']);
  if (open)
    needs.push([`the endpoint ${open.method} ${open.path} with auth "${open.auth}"`, 'network.inbound']);
  for (const { hook } of hooks) {
    if (isHook(hook) && isTapped(hookRow(hook))) needs.push([`the hook ${hook}`, hookRow(hook).capability]);
  }
  if (jobs.length > 0) needs.push(['jobs', 'system.background_jobs']);
  if (providersOf(manifest).length > 0) needs.push(['providers', 'auth.register_provider']);
  if (roles.length > 0) needs.push(['roles', 'auth.modify_roles']);
  if (schedules.length > 0) needs.push(['schedules', 'system.cron_schedule']);
  if (commands.length > 0) needs.push(['commands', 'cli.register_command']);
  if (help.length > 0) needs.push(['help', 'cli.register_command']);
  if (formats.length > 0) needs.push(['formats', 'cli.register_command']);
  if (widgets.length > 0) needs.push(['widgets', 'ui.register_widget']);
  if (panels.length > 0) needs.push(['panels', 'ui.register_panel']);
  if (explorers.length > 0) needs.push(['explorers', 'ui.modify_schema']);
  if (channels.length > 0) needs.push(['channels', 'realtime.register_channel']);
  if (channels.some((channel) => channel.events.length > 0))
    needs.push(['events in channels', 'realtime.subscribe_events']);
  if (events.subscribes.length > 0) needs.push(['event subscriptions', 'realtime.subscribe_events']);
  if (events.publishes.length > 0) needs.push(['published events', 'api.emit_events']);
  return needs;
}

function contributionProblems(manifest: Manifest): string[] {
  const declared = new Set(manifest.capabilities.map(({ name }) => name));
  return contributionNeeds(manifest)
    .filter(([, capability]) => !declared.has(capability))
    .map(([what, capability]) => `/contributes: ${what} needs the capability ${capability}, declare it`);
}

/** A signature takes the place of a token, and is made over a body. */
function webhookProblems({ contributes, secrets }: Manifest): string[] {
  return contributes.endpoints
    .filter(({ webhook }) => webhook !== undefined)
    .flatMap(({ method, path, auth, webhook }) => {
      const isNamed = secrets.some(({ name }) => name === webhook?.secret);
      const at = `/contributes/endpoints: the webhook ${method} ${path}`;
      return [
        ...(auth === 'none' ? [] : [`${at} needs auth "none": who signs has no token`]),
        ...(isNamed ? [] : [`${at} is verified with ${webhook?.secret}, which is not in /secrets`]),
        ...(method === 'GET' || method === 'DELETE' ? [`${at} has no body that could be signed`] : []),
      ];
    });
}

/** They are checked by the host, and shown to everybody in one document with all others. */
function bodyProblems({ contributes }: Manifest): string[] {
  return contributes.endpoints.flatMap(({ method, path, request, response }) => {
    const at = `/contributes/endpoints: ${method} ${path}`;
    const schemas = Object.entries({ request, response }).filter(([, schema]) => schema !== undefined);
    return [
      ...(request !== undefined && method === 'GET'
        ? [`${at} has no body that a request could describe`]
        : []),
      ...schemas.flatMap(([name, schema]) => [
        ...schemaProblems(schema).map((problem) => `${at}: ${name} is no usable JSON Schema: ${problem}`),
        ...(schema?.$id === undefined ? [] : [`${at}: ${name} has an $id, which nobody could look up`]),
      ]),
    ];
  });
}

function versionProblems({ contributes }: Manifest): string[] {
  const served = new Set(contributes.endpoints.map(({ version }) => version));
  return contributes.versions.flatMap(({ version, deprecated, sunset }) => {
    const at = `/contributes/versions: ${version}`;
    if (!served.has(version)) return [`${at} has no endpoint`];
    // RFC 8594 §3, RFC 9745 §4: what goes away was deprecated before
    const isLate = deprecated !== undefined && sunset !== undefined && sunset < deprecated;
    return isLate ? [`${at} goes away before it is deprecated`] : [];
  });
}

function tapProblems({ contributes }: Manifest): string[] {
  return contributes.hooks.flatMap(({ hook }) => {
    const row = isHook(hook) ? hookRow(hook) : undefined;
    if (row === undefined || isTapped(row)) return [];
    return [`/contributes/hooks: ${hook} is not tapped; declare it in /contributes/${row.contribution}`];
  });
}

function scheduleProblems({ contributes }: Manifest): string[] {
  const jobs = new Set(contributes.jobs.map(({ name }) => name));
  return contributes.schedules.flatMap(({ name, cron, timezone, job = name }) => {
    const wrong = scheduleProblem(cron, timezone);
    return [
      ...(wrong === null ? [] : [`/contributes/schedules: ${name} ${wrong}`]),
      ...(jobs.has(job) ? [] : [`/contributes/schedules: ${name} queues ${job}, which is no job of it`]),
    ];
  });
}

/** Options that mag has itself, whatever the command. */
const TAKEN = new Set(['help', 'output', 'url', 'token', 'yes', 'version', 'h', 'o', 'y']);

function commandProblems({ contributes }: Manifest): string[] {
  return contributes.commands.flatMap(({ name, args, options }) => {
    const at = `/contributes/commands: ${name}`;
    const given = options.flatMap((option) => [option.name, option.short ?? []].flat());
    const firstOpen = args.findIndex((arg) => !arg.required);
    return [
      ...repeated(namesOf(args)).map((arg) => `${at} has the argument ${arg} twice`),
      ...repeated(given).map((option) => `${at} has the option ${option} twice`),
      ...given
        .filter((option) => TAKEN.has(option))
        .map((option) => `${at}: the option ${option} is one of mag`),
      ...(firstOpen >= 0 && args.slice(firstOpen).some((arg) => arg.required)
        ? [`${at} has a required argument behind one that is not`]
        : []),
      ...(args.slice(0, -1).some((arg) => arg.variadic) ? [`${at}: only the last argument takes many`] : []),
      ...options
        .filter(({ type, choices }) => choices !== undefined && type !== 'string')
        .map((option) => `${at}: the option ${option.name} has choices, which are strings`),
    ];
  });
}

/** Events that are only written while an extension subscribes are none that a client could wait for. */
function channelProblems({ contributes }: Manifest): string[] {
  return contributes.channels.flatMap(({ name, events }) =>
    events
      .filter((type) => isHostEvent(type) && eventRow(type).highRate === true)
      .map((type) => `/contributes/channels: ${name} has ${type}, which is not written for clients`),
  );
}

// spec 05: an extension publishes only below `<publisher>.<name>.`
function publishProblems({ id, contributes }: Manifest): string[] {
  const prefix = `${id.replace('/', '.')}.`;
  const at = '/contributes/events/publishes';
  return contributes.events.publishes.flatMap(({ type }) => {
    if (!type.startsWith(prefix)) return [`${at}: ${type} does not lie below ${prefix}`];
    return isHostEvent(type) ? [`${at}: ${type} is an event of the host`] : [];
  });
}

/** Secrets and the right to read them go together; a scope of it names some of them. */
function secretProblems({ capabilities, secrets }: Manifest): string[] {
  const request = capabilities.find(({ name }) => name === 'system.secrets');
  if (request === undefined)
    return secrets.length > 0 ? ['/secrets needs the capability system.secrets, declare it'] : [];
  if (secrets.length === 0) return ['/capabilities: system.secrets needs the names of secrets in /secrets'];
  const known = new Set(secrets.map(({ name }) => name));
  return (request.scope?.names ?? [])
    .filter((name) => !known.has(name))
    .map((name) => `/capabilities: system.secrets has the scope names, in which ${name} is not in /secrets`);
}

function dependencyProblems({ id, dependencies }: Manifest): string[] {
  return Object.hasOwn(dependencies, id) ? [`/dependencies: ${id} cannot depend on itself`] : [];
}
