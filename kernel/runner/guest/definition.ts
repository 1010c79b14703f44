import { type GuestShape, TEST_EVENT } from '../../../manifests/protocol/frames.ts';
import { asPlainJson, dictionary, hasOwn, isArray, ownKeys, reflectApply } from './primordials.ts';
import { hostError } from './wire-error.ts';

type GuestFunction = (...args: unknown[]) => unknown;
type Handlers = { [name: string]: GuestFunction | undefined };

const PHASES = ['install', 'init', 'start', 'stop', 'uninstall'] as const;
const FAMILIES = ['endpoints', 'hooks', 'events'] as const;
const FAMILY_OF: Readonly<Record<string, (typeof FAMILIES)[number]>> = {
  endpoint: 'endpoints',
  hook: 'hooks',
  event: 'events',
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
  families: Readonly<Record<(typeof FAMILIES)[number], Handlers>>,
): GuestShape {
  const shape = {
    __proto__: null,
    lifecycle: asPlainJson(ownKeys(phases)),
    health: health !== undefined,
    endpoints: asPlainJson(ownKeys(families.endpoints)),
    hooks: asPlainJson(ownKeys(families.hooks)),
    events: asPlainJson(ownKeys(families.events)),
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
