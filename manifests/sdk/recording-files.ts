import type { FileEntry, Files } from './host-api.ts';

/** Files in a map. What is written as text can be read as text, what is written as bytes as bytes. */
export function recordingFiles(record: (name: string, ...args: unknown[]) => void): Files {
  const files = new Map<string, string | Uint8Array>();
  const lookUp = (path: string) => {
    const content = files.get(path);
    if (content === undefined)
      throw Object.assign(new Error('there is no such file'), { code: 'E_NOT_FOUND' });
    return content;
  };
  let temps = 0;
  return {
    read: async (path) => {
      record('files.read', path);
      return lookUp(path) as string;
    },
    readBytes: async (path) => {
      record('files.readBytes', path);
      return lookUp(path) as Uint8Array;
    },
    write: async (path, content) => {
      record('files.write', path, content);
      files.set(path, content);
      return { sizeBytes: content.length };
    },
    list: async (path = '', { after = '', limit = 100 } = {}) => {
      record('files.list', path, { after, limit });
      return entriesIn(files, path === '' ? '' : `${path}/`)
        .filter(({ name }) => name > after)
        .slice(0, limit);
    },
    remove: async (path) => {
      record('files.remove', path);
      const gone = [...files.keys()].filter((key) => key === path || key.startsWith(`${path}/`));
      for (const key of gone) files.delete(key);
      return gone.length > 0;
    },
    temp: async (suffix = '') => {
      record('files.temp', suffix);
      temps += 1;
      return `temp/${temps}${suffix}`;
    },
  };
}

function entriesIn(files: ReadonlyMap<string, string | Uint8Array>, prefix: string): FileEntry[] {
  const entries = new Map<string, FileEntry>();
  for (const [path, content] of files) {
    if (!path.startsWith(prefix)) continue;
    const [name = '', ...rest] = path.slice(prefix.length).split('/');
    const kind = rest.length > 0 ? 'folder' : 'file';
    const sizeBytes = kind === 'file' ? content.length : 0;
    entries.set(name, { name, kind, sizeBytes, modifiedAt: '2026-01-01T00:00:00.000Z' });
  }
  return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
