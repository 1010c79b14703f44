import { isCapability, isHook } from '../catalog/index.ts';

/**
 * What a manifest asks for that the format allows and this host does not offer, one sentence each. Reads
 * `raw` before any schema did, so every step looks before it takes.
 */
export function unsupported(raw: unknown): string[] {
  return [
    ...named(member(raw, 'capabilities'), 'name')
      .filter((name) => !isCapability(name))
      .map((name) => `this host does not offer the capability ${name}`),
    ...named(member(member(raw, 'contributes'), 'hooks'), 'hook')
      .filter((name) => !isHook(name))
      .map((name) => `this host has no hook ${name}`),
  ];
}

/** An own property of anything; `undefined` when there is none. */
function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return Reflect.get(value, key);
}

function named(list: unknown, key: string): string[] {
  if (!Array.isArray(list)) return [];
  const names = list.map((item) => member(item, key)).filter((name) => typeof name === 'string');
  return [...new Set(names)];
}
