import { CHANNEL_HANDLERS, type GuestShape, TEST_EVENT } from '../../../manifests/protocol/frames.ts';
import { asPlainJson, dictionary, hasOwn, isArray, ownKeys, reflectApply } from './primordials.ts';
import { hostError } from './wire-error.ts';

type GuestFunction = (...args: unknown[]) => unknown;
type Handlers = { [name: string]: GuestFunction | undefined };

const PHASES = ['install', 'init', 'start', 'stop', 'uninstall'] as const;
type Family =
  | 'endpoints'
  | 'hooks'
  | 'events'
  | 'exports'
  | 'jobs'
  | 'channels'
  | 'commands'
  | 'formats'
  | 'providers';
const FAMILY_OF: Readonly<Record<string, Family>> = {
  endpoint: 'endpoints',
  hook: 'hooks',
  event: 'events',
  export: 'exports',
  job: 'jobs',
  channel: 'channels',
  provider: 'providers',
  command: 'commands',
  format: 'formats',
};

/** The definition of the extension, read once: later changes to the object it came from have no effect. */
export interface Definition {
  readonly shape: GuestShape;
  /**
   * Calls the member a target names.
   * @throws an Error with code `E_EXTENSION` when there is no such handler, and whatever the handler throws
   */
  call(kind: string, name: string, payload: unknown, ctx: unknown): unknown;
}

/** @throws an Error with code `E_EXTENSION` when the default export is no definition */
export function readDefinition(exported: unknown): Definition {
  const source = objectOf(exported, 'the default export of the module');
  const phases = readPhases(source);
  const health = memberOf(source, 'health', 'health');
  const families = {
    endpoints: readFamily(source, 'endpoints'),
    hooks: readFamily(source, 'hooks'),
    events: readFamily(source, 'events'),
    exports: readFamily(source, 'exports'),
    jobs: readFamily(source, 'jobs'),
    channels: readChannels(source),
    providers: readFamily(source, 'providers'),
    commands: readFamily(source, 'commands'),
    formats: readFamily(source, 'formats'),
  };
  return {
    shape: shapeOf(phases, health, families),
    call(kind, name, payload, ctx) {
      if (kind === 'lifecycle') return callPhase(phases[name], source, ctx);
      if (kind === 'health') {
        return health === undefined ? { healthy: true } : reflectApply(health, source, [ctx]);
      }
      const family = hasOwn(FAMILY_OF, kind) ? FAMILY_OF[kind] : undefined;
      const handler = family === undefined ? undefined : families[family][name];
      if (handler === undefined && kind === 'event' && name === TEST_EVENT) return null;
      if (handler === undefined) throw hostError('E_EXTENSION', `no handler for ${kind} "${name}"`);
      return reflectApply(handler, undefined, [payload, ctx]);
    },
  };
}

/** Serialised as it is, whatever `toJSON` the module has put on a prototype. */
function shapeOf(
  phases: Handlers,
  health: GuestFunction | undefined,
  families: Readonly<Record<Family, Handlers>>,
): GuestShape {
  const shape = {
    __proto__: null,
    lifecycle: asPlainJson(ownKeys(phases)),
    health: health !== undefined,
    endpoints: asPlainJson(ownKeys(families.endpoints)),
    hooks: asPlainJson(ownKeys(families.hooks)),
    events: asPlainJson(ownKeys(families.events)),
    exports: asPlainJson(ownKeys(families.exports)),
    jobs: asPlainJson(ownKeys(families.jobs)),
    channels: asPlainJson(ownKeys(families.channels)),
    providers: asPlainJson(ownKeys(families.providers)),
    commands: asPlainJson(ownKeys(families.commands)),
    formats: asPlainJson(ownKeys(families.formats)),
  };
  return shape;
}

function callPhase(phase: GuestFunction | undefined, source: object, ctx: unknown): unknown {
  return phase === undefined ? null : reflectApply(phase, source, [ctx]);
}

function readPhases(source: Record<string, unknown>): Handlers {
  const phases: Handlers = dictionary<GuestFunction>();
  for (let i = 0; i < PHASES.length; i++) {
    const name = PHASES[i] as string;
    const phase = memberOf(source, name, name);
    if (phase !== undefined) phases[name] = phase;
  }
  return phases;
}

function readFamily(source: Record<string, unknown>, family: string): Handlers {
  const handlers: Handlers = dictionary<GuestFunction>();
  const given = source[family];
  if (given === undefined) return handlers;
  const members = objectOf(given, `"${family}"`);
  const names = ownKeys(members);
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    const handler = memberOf(members, name, `${family} "${name}"`);
    if (handler !== undefined) handlers[name] = handler;
  }
  return handlers;
}

/** By `greetings onMessage`, and `greetings` for the channel itself, whatever it handles. */
function readChannels(source: Record<string, unknown>): Handlers {
  const handlers: Handlers = dictionary<GuestFunction>();
  const given = source.channels;
  if (given === undefined) return handlers;
  const channels = objectOf(given, '"channels"');
  const names = ownKeys(channels);
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    const channel = objectOf(channels[name], `channels "${name}"`);
    handlers[name] = () => null;
    for (let j = 0; j < CHANNEL_HANDLERS.length; j++) {
      const key = CHANNEL_HANDLERS[j] as string;
      handlers[`${name} ${key}`] = memberOf(channel, key, `channels "${name}" ${key}`) ?? UNHANDLED[key];
    }
  }
  return handlers;
}

/** A channel without a handler lets in whom its manifest lets in, and takes no messages. */
const UNHANDLED: Handlers = {
  __proto__: null as never,
  onSubscribe: () => true,
  onUnsubscribe: () => null,
  onMessage: () => {
    throw hostError('NO_MESSAGES', 'the channel takes no messages from clients');
  },
};

function memberOf(source: Record<string, unknown>, name: string, label: string): GuestFunction | undefined {
  const member = source[name];
  if (member === undefined) return undefined;
  if (typeof member !== 'function') throw hostError('E_EXTENSION', `${label} is no function`);
  return member as GuestFunction;
}

function objectOf(value: unknown, label: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || isArray(value)) {
    throw hostError('E_EXTENSION', `${label} is no object`);
  }
  return value as Record<string, unknown>;
}
