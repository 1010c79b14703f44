import {
  type CapabilityName,
  capabilityRow,
  type Scope,
  type ScopeKey,
} from '../../manifests/catalog/index.ts';

/** Answers whether a resource lies inside a scope. Compiled once, when a grant is made. */
export type ScopeMatcher = (resource: Readonly<Record<string, string>>) => boolean;

const everything: ScopeMatcher = () => true;

/** `null` and `undefined` cover everything; a scope covers what every group of keys it mentions covers. */
export function compileScope(capability: CapabilityName, scope: Scope | null | undefined): ScopeMatcher {
  if (scope === null || scope === undefined) return everything;
  const keys = capabilityRow(capability).scope;
  const groups = new Map<string, ScopeMatcher[]>();
  for (const [key, values] of Object.entries(scope)) {
    const row = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (row === undefined) return () => false; // a key nobody knows narrows to nothing
    const alternatives = groups.get(row.group) ?? [];
    alternatives.push(compileKey(key, row, values));
    groups.set(row.group, alternatives);
  }
  const all = [...groups.values()];
  return (resource) => all.every((alternatives) => alternatives.some((matches) => matches(resource)));
}

function compileKey(key: string, row: ScopeKey, values: readonly string[]): ScopeMatcher {
  if (row.match === 'exact') {
    const allowed = new Set(values);
    return (resource) => allowed.has(resource[key] ?? '');
  }
  const exact = new Set(values);
  const below = values.map((value) => (value.endsWith('/') ? value : `${value}/`));
  return (resource) => {
    const value = resource[key] ?? '';
    return exact.has(value) || below.some((prefix) => value.startsWith(prefix));
  };
}
