import { endpointKey } from '../../manifests/manifest/endpoint-key.ts';
import { isInbound } from '../../manifests/manifest/inbound.ts';
import type { Manifest } from '../../manifests/manifest/manifest.ts';
import { CHANNEL_HANDLERS } from '../../manifests/protocol/frames.ts';
import type { Demand } from '../capability/gate.ts';

/** What seeing an event takes. */
export function eventDemands(type: string, required: readonly string[]): Demand[] {
  return [
    { capability: 'realtime.subscribe_events', resource: { types: type } },
    ...required.map((capability) => ({ capability }) as Demand),
  ];
}

/**
 * What calling each handler of an extension takes, by its kind and name: `endpoint GET /greet`. Endpoints for callers
 * without a token are a right of their own (spec 03).
 */
export function demandsOf({ id, contributes }: Manifest): Map<string, readonly Demand[]> {
  const serve: Demand = { capability: 'api.register_endpoint' };
  const inbound: Demand = { capability: 'network.inbound' };
  const work: Demand = { capability: 'system.background_jobs' };
  const command: Demand = { capability: 'cli.register_command' };
  return new Map<string, readonly Demand[]>([
    ...contributes.endpoints.map(
      (endpoint) =>
        [`endpoint ${endpointKey(endpoint)}`, isInbound(endpoint.auth) ? [serve, inbound] : [serve]] as const,
    ),
    ...contributes.jobs.map(({ name }) => [`job ${name}`, [work]] as const),
    ...contributes.channels.flatMap(({ name }) => {
      const resource = { channels: `${id}/${name}` };
      const offer: Demand = { capability: 'realtime.register_channel', resource };
      return CHANNEL_HANDLERS.map((handler) => [`channel ${name} ${handler}`, [offer]] as const);
    }),
    ...[...contributes.ssoProviders, ...contributes.oidcProviders, ...contributes.samlProviders].map(
      ({ name, tenant }) =>
        [
          `provider ${name}`,
          [{ capability: 'auth.register_provider', resource: { tenants: tenant } }],
        ] as const,
    ),
    ...contributes.commands.map(({ name }) => [`command ${name}`, [command]] as const),
    ...contributes.formats.map(({ name }) => [`format ${name}`, [command]] as const),
  ]);
}
