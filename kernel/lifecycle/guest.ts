import type { Json } from '../../manifests/json.ts';
import { endpointKey } from '../../manifests/manifest/endpoint-key.ts';
import type { Manifest } from '../../manifests/manifest/manifest.ts';
import { type GuestShape, type GuestTarget, TEST_EVENT } from '../../manifests/protocol/frames.ts';
import { MagError } from '../errors.ts';
import type { ExtensionProcess, InvokeOptions } from '../sandbox/cell.ts';

/** What can be called: a process, or one of its cells. */
type Guest = Pick<ExtensionProcess, 'invoke'>;

/** What a call may cost: the limits of the manifest. */
export function budget(manifest: Manifest): Pick<InvokeOptions, 'deadlineMs' | 'cpuMs'> {
  return { deadlineMs: manifest.limits.wallMs, cpuMs: manifest.limits.cpuMs };
}

/** Calls a lifecycle function of an extension; one that it does not define is done at once. */
export async function runPhase(
  guest: Guest,
  manifest: Manifest,
  phase: 'install' | 'init' | 'start' | 'stop' | 'uninstall',
): Promise<void> {
  await guest.invoke({ kind: 'lifecycle', name: phase }, null, { request: null, ...budget(manifest) });
}

/** Health check 1 (spec 06): the extension responds to a ping, whatever it says. */
export async function ping(guest: Guest, manifest: Manifest): Promise<void> {
  await probe(guest, manifest, { kind: 'health', name: 'health' }, null);
}

/** Health check 2 (spec 06): it handles a test event and says it is healthy. */
export async function checkHealth(guest: Guest, manifest: Manifest): Promise<void> {
  await probe(guest, manifest, { kind: 'event', name: TEST_EVENT }, testEvent(manifest));
  const answer = await probe(guest, manifest, { kind: 'health', name: 'health' }, null);
  if (isHealthy(answer)) return;
  throw new MagError(
    'E_HEALTH',
    `${manifest.id} says it is not healthy: ${JSON.stringify(answer).slice(0, 500)}`,
  );
}

/** Whether what `health()` returned means healthy: only an explicit `healthy: true` does. */
export function isHealthy(answer: Json): boolean {
  return answer !== null && typeof answer === 'object' && !Array.isArray(answer) && answer.healthy === true;
}

/** @throws `E_HEALTH` naming everything the manifest contributes and the code does not define */
export function requireContributions(manifest: Manifest, shape: GuestShape): void {
  const { endpoints, hooks, events, exports, jobs, channels, commands, formats } = manifest.contributes;
  const { ssoProviders, oidcProviders, samlProviders } = manifest.contributes;
  const mapping = [...oidcProviders, ...samlProviders].filter(({ map }) => map);
  const missing = [
    ...absent(endpoints.map(endpointKey), shape.endpoints, 'endpoint'),
    ...absent(
      hooks.map(({ hook }) => hook),
      shape.hooks,
      'hook',
    ),
    ...absent(events.subscribes, shape.events, 'event'),
    ...absent(namesOf(exports), shape.exports, 'export'),
    ...absent(namesOf(jobs), shape.jobs, 'job'),
    ...absent(namesOf(channels), shape.channels, 'channel'),
    ...absent(namesOf([...ssoProviders, ...mapping]), shape.providers, 'provider'),
    ...absent(namesOf(commands), shape.commands, 'command'),
    ...absent(namesOf(formats), shape.formats, 'format'),
  ];
  if (missing.length === 0) return;
  throw new MagError(
    'E_HEALTH',
    `the manifest contributes what the code does not define: ${missing.join(', ')}`,
  );
}

function namesOf(contributions: readonly { readonly name: string }[]): string[] {
  return contributions.map(({ name }) => name);
}

function absent(named: readonly string[], defined: readonly string[], kind: string): string[] {
  const known = new Set(defined);
  return named.filter((name) => !known.has(name)).map((name) => `${kind} ${name}`);
}

async function probe(guest: Guest, manifest: Manifest, target: GuestTarget, payload: Json): Promise<Json> {
  try {
    return await guest.invoke(target, payload, { request: null, ...budget(manifest) });
  } catch (cause) {
    const reason = cause instanceof MagError ? `${cause.code}: ${cause.message}` : 'it failed';
    throw new MagError('E_HEALTH', `${manifest.id} did not answer its health check (${reason})`, { cause });
  }
}

function testEvent(manifest: Manifest): Json {
  return { event_type: TEST_EVENT, data: { extension: manifest.id, version: manifest.version } };
}
