import type { SecretChange, SecretKey, SecretMappings, SecretStatus, Secrets } from './secrets.ts';

type RecordCall = (name: string, ...args: unknown[]) => void;

const THEN = '1970-01-01T00:00:00.000Z';

export function recordingSecrets(
  record: RecordCall,
  secrets: Readonly<Record<string, string>> = {},
): Secrets {
  return {
    get: async (name) => {
      record('secrets.get', name);
      if (Object.hasOwn(secrets, name)) return secrets[name] as string;
      throw Object.assign(new Error(`there is no secret ${name}`), { code: 'E_SECRET_MISSING' });
    },
    mappings: recordingMappings(record),
  };
}

/** Those that were set here; nobody reads what they lead to, and each is `unchecked`. Its times stand still. */
function recordingMappings(record: RecordCall): SecretMappings {
  const rows = new Map<string, SecretStatus>();
  const changes = new Map<string, SecretChange[]>();
  const idOf = ({ name, extension = '', tenant = '' }: SecretKey) => `${name} ${extension} ${tenant}`;
  const versionOf = (key: SecretKey) => rows.get(idOf(key))?.mapping?.version ?? 0;
  const isOther = (key: SecretKey, version?: number) => version !== undefined && version !== versionOf(key);
  const change = (
    key: SecretKey,
    action: SecretChange['action'],
    target: Pick<SecretChange, 'backend' | 'ref' | 'rotateAfterDays'>,
  ) => {
    const before = changes.get(idOf(key)) ?? [];
    const made = { ...target, action, version: before.length + 1, changedAt: THEN, changedBy: 'user:test' };
    changes.set(idOf(key), [made, ...before]);
    return made;
  };
  const mapped = (key: SecretKey) => {
    const mapping = rows.get(idOf(key))?.mapping;
    if (mapping) return mapping;
    throw Object.assign(new Error(`${key.name} is not mapped`), { code: 'E_NOT_FOUND' });
  };
  const put = (key: SecretKey, { action: _action, ...made }: SecretChange) => {
    const { name, extension = null, tenant = null } = key;
    const mapping = { ...made, rotatedAt: THEN, dueAt: made.rotateAfterDays === null ? null : THEN };
    const state = { state: 'unchecked', problem: null, lastReadAt: null } as const;
    rows.set(idOf(key), { name, extension, tenant, ...state, usedBy: [], from: made.backend, mapping });
  };
  return {
    list: async (options = {}) => {
      record('secrets.mappings.list', options);
      const { name } = options;
      const found = [...rows.values()].filter((row) => name === undefined || row.name === name);
      return { secrets: found, next: null };
    },
    backends: async () => {
      record('secrets.mappings.backends');
      return ['folder', 'environment'].map((name) => ({ name, url: null, problem: null, askedAt: null }));
    },
    history: async (key) => {
      record('secrets.mappings.history', key);
      return changes.get(idOf(key)) ?? [];
    },
    set: async (key, { rotateAfterDays = null, ...target }, { version } = {}) => {
      record('secrets.mappings.set', key, { ...target, rotateAfterDays }, version);
      if (isOther(key, version)) return { swapped: false, version: versionOf(key) };
      const made = change(key, 'map', { ...target, rotateAfterDays });
      put(key, made);
      return { swapped: true, version: made.version };
    },
    remove: async (key, { version } = {}) => {
      record('secrets.mappings.remove', key, version);
      const present = rows.get(idOf(key))?.mapping;
      if (!present || isOther(key, version)) return { swapped: false, version: versionOf(key) };
      const { backend, ref, rotateAfterDays } = present;
      rows.delete(idOf(key));
      return { swapped: true, version: change(key, 'unmap', { backend, ref, rotateAfterDays }).version };
    },
    rotate: async (key) => {
      record('secrets.mappings.rotate', key);
      const { backend, ref, rotateAfterDays } = mapped(key);
      const made = change(key, 'rotate', { backend, ref, rotateAfterDays });
      put(key, made);
      return { version: made.version, rotatedAt: THEN };
    },
    check: async (key) => {
      record('secrets.mappings.check', key);
      return { state: 'present', backend: mapped(key).backend, problem: null };
    },
  };
}
