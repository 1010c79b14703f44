import { isCapability, isHook } from '../catalog/index.ts';

/** Contributions that the manifest format knows and this host does not offer. */
const CONTRIBUTIONS = ['jobs', 'schedules', 'commands', 'channels', 'widgets', 'panels', 'providers'];

/**
 * What a manifest asks for that the format allows and this host does not offer, one sentence each. Reads
 * `raw` before any schema did, so every step looks before it takes.
 */
export function unsupported(raw: unknown): string[] {
  if (member(raw, 'kind') === 'bundle') return ['this host does not install bundles (/kind)'];
  return [
    ...named(member(raw, 'capabilities'), 'name')
      .filter((name) => !isCapability(name))
      .map((name) => `this host does not offer the capability ${name}`),
    ...named(member(member(raw, 'contributes'), 'hooks'), 'hook')
      .filter((name) => !isHook(name))
      .map((name) => `this host has no hook ${name}`),
    ...CONTRIBUTIONS.filter((kind) => isFilled(member(member(raw, 'contributes'), kind))).map(
      (kind) => `this host does not offer ${kind} (/contributes/${kind})`,
    ),
    ...(isFilled(member(raw, 'secrets')) ? ['this host does not offer secrets (/secrets)'] : []),
  ];
}

/** An own property of anything; `undefined` when there is none. */
function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return Reflect.get(value, key);
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function named(list: unknown, key: string): string[] {
  if (!Array.isArray(list)) return [];
  const names = list.map((item) => member(item, key)).filter((name) => typeof name === 'string');
  return [...new Set(names)];
}
