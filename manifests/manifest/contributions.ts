import { endpointKey } from './endpoint-key.ts';
import type { Contributions, ProviderContribution, VersionContribution } from './manifest.ts';

export const NO_CONTRIBUTIONS: Contributions = {
  endpoints: [],
  versions: [],
  hooks: [],
  events: { subscribes: [], transactional: [], publishes: [] },
  exports: [],
  jobs: [],
  schedules: [],
  channels: [],
  ssoProviders: [],
  oidcProviders: [],
  samlProviders: [],
  roles: [],
  commands: [],
  help: [],
  formats: [],
  widgets: [],
  panels: [],
  explorers: [],
};

/** Everything a manifest adds to the platform, as text: `endpoint GET /greet`, `hook maggate.wrap_request`. */
export function contributionTexts(contributes: Contributions): string[] {
  return [
    ...contributes.endpoints.map((endpoint) => `endpoint ${endpointKey(endpoint)} (auth ${endpoint.auth})`),
    ...contributes.versions.map(describeVersion),
    ...contributes.hooks.map(({ hook }) => `hook ${hook}`),
    ...contributes.events.subscribes.map((type) =>
      contributes.events.transactional.includes(type)
        ? `subscribes ${type} (transactional)`
        : `subscribes ${type}`,
    ),
    ...contributes.events.publishes.map(({ type }) => `publishes ${type}`),
    ...contributes.jobs.map(({ name }) => `job ${name}`),
    ...contributes.channels.map(({ name, auth }) => `channel ${name} (${auth})`),
    ...contributes.schedules.map(({ name, cron, timezone }) => `schedule ${name} (${cron} ${timezone})`),
    ...[...contributes.ssoProviders, ...contributes.oidcProviders, ...contributes.samlProviders].map(
      describeProvider,
    ),
    ...contributes.roles.map(({ name, permissions }) => `role ${name} (${permissions.join(', ')})`),
    ...contributes.commands.map(({ name }) => `command ${name}`),
    ...contributes.help.map(({ command }) => `help of ${command}`),
    ...contributes.formats.map(({ name }) => `format ${name}`),
    ...contributes.widgets.map(({ name }) => `widget ${name}`),
    ...contributes.panels.map(({ name }) => `panel ${name}`),
    ...contributes.explorers.map(({ name }) => `explorer ${name}`),
    ...contributes.exports.map(
      ({ name, to }) => `exports ${name}${to === undefined ? '' : ` to ${to.join(', ')}`}`,
    ),
  ];
}

function describeProvider({ kind, name, tenant, roles }: ProviderContribution): string {
  return `${kind} provider ${name} (tenant ${tenant}, roles ${roles.join(', ') || 'none'})`;
}

function describeVersion({ version, deprecated, sunset }: VersionContribution): string {
  const notes = [deprecated && `deprecated ${deprecated}`, sunset && `sunset ${sunset}`].filter(Boolean);
  return notes.length === 0 ? `version ${version}` : `version ${version} (${notes.join(', ')})`;
}
