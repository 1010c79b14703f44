import {
  capabilityRow,
  hookRow,
  isCapability,
  isHook,
  isHostEvent,
  scopeValueProblems,
} from '../catalog/index.ts';
import { schemaProblems } from './bounded-schema.ts';
import type { CapabilityRequest, Manifest } from './manifest.ts';

/** What a manifest of the right shape still says wrongly: one sentence for each problem, with its place. */
export function ruleProblems(manifest: Manifest): string[] {
  return [
    ...duplicates(manifest),
    ...manifest.capabilities.flatMap(scopeProblems),
    ...contributionProblems(manifest),
    ...publishProblems(manifest),
    ...dependencyProblems(manifest),
    ...(manifest.config === undefined
      ? []
      : schemaProblems(manifest.config).map((problem) => `/config is no usable JSON Schema: ${problem}`)),
  ];
}

function duplicates({ capabilities, contributes }: Manifest): string[] {
  const { endpoints, hooks, events } = contributes;
  return [
    ...repeated(capabilities.map(({ name }) => name)).map((name) => `/capabilities names ${name} twice`),
    ...repeated(endpoints.map(({ method, path }) => `${method} ${route(path)}`)).map(
      (name) => `/contributes/endpoints has ${name} twice`,
    ),
    ...repeated(hooks.map(({ hook }) => hook)).map((hook) => `/contributes/hooks has ${hook} twice`),
    ...repeated(events.publishes.map(({ type }) => type)).map(
      (type) => `/contributes/events/publishes has ${type} twice`,
    ),
  ];
}

/** `/users/:id` and `/users/:name` are one route. */
function route(path: string): string {
  return path.replaceAll(/:[^/]+/g, ':');
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

function contributionProblems(manifest: Manifest): string[] {
  const { endpoints, hooks, events } = manifest.contributes;
  const open = endpoints.find(({ auth }) => auth === 'none');
  const needs: [string, string][] = [];
  if (endpoints.length > 0) needs.push(['endpoints', 'api.register_endpoint']);
  if (open) needs.push([`the endpoint ${open.method} ${open.path} with auth "none"`, 'network.inbound']);
  for (const { hook } of hooks) {
    if (isHook(hook)) needs.push([`the hook ${hook}`, hookRow(hook).capability]);
  }
  if (events.subscribes.length > 0) needs.push(['event subscriptions', 'realtime.subscribe_events']);
  if (events.publishes.length > 0) needs.push(['published events', 'api.emit_events']);
  const declared = new Set(manifest.capabilities.map(({ name }) => name));
  return needs
    .filter(([, capability]) => !declared.has(capability))
    .map(([what, capability]) => `/contributes: ${what} needs the capability ${capability}, declare it`);
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

function dependencyProblems({ id, dependencies }: Manifest): string[] {
  return Object.hasOwn(dependencies, id) ? [`/dependencies: ${id} cannot depend on itself`] : [];
}
