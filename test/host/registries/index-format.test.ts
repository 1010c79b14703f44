import { describe, expect, it } from 'vitest';
import {
  bundlePath,
  type IndexEntry,
  packagePath,
  readIndex,
  writeIndex,
} from '../../../host/registries/index-format.ts';

const ENTRY = {
  kind: 'extension',
  ...{ displayName: 'Hello', description: '', sizeBytes: 100 },
  ...{ digest: `sha256:${'a'.repeat(64)}`, engines: { magflock: '^1.0.0' }, dependencies: {} },
} as const;
const indexOf = (entry: object = ENTRY, id = 'acme/hello', version = '1.0.0') => ({
  formatVersion: 1,
  extensions: { [id]: { [version]: entry } },
});
const read = (json: unknown) =>
  readIndex(Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)));

describe('the index of a registry', () => {
  it('is read as it was written, in one order', () => {
    const entries: IndexEntry[] = [
      { ...ENTRY, id: 'acme/hello', version: '1.0.0', attestations: true },
      { ...ENTRY, id: 'acme/base', version: '1.0.0-rc.1' },
    ];
    expect(writeIndex(entries)).toBe(writeIndex(entries.toReversed()));
    expect([...read(writeIndex(entries)).values()].flat()).toEqual(entries.toReversed());
  });

  it('leads nowhere: where a package lies follows from its id and version', () => {
    expect(packagePath({ id: 'acme/hello', version: '1.0.0' })).toBe('acme/hello/1.0.0.mag');
    expect(bundlePath({ id: 'acme/hello', version: '1.0.0' })).toBe('acme/hello/1.0.0.mag.sigstore.json');
  });

  it.each([
    ['no JSON', '{"formatVersion":1,'],
    ['another version', { ...indexOf(), formatVersion: 2 }],
    ['no object', []],
    ['a file name of its own', indexOf({ ...ENTRY, file: '../../../etc/passwd' })],
    ['an id that climbs', indexOf(ENTRY, '../hello')],
    ['an id with more segments', indexOf(ENTRY, 'acme/hello/..')],
    ['an id of the prototype', '{"formatVersion":1,"extensions":{"__proto__":{"1.0.0":{}}}}'],
    ['a version that climbs', indexOf(ENTRY, 'acme/hello', '../1.0.0')],
    ['a version that is none', indexOf(ENTRY, 'acme/hello', 'v1.0.0')],
    ['no versions', { formatVersion: 1, extensions: { 'acme/hello': {} } }],
    ['a digest of another kind', indexOf({ ...ENTRY, digest: 'md5:00' })],
    ['a size of nothing', indexOf({ ...ENTRY, sizeBytes: 0 })],
    ['a size that no package has', indexOf({ ...ENTRY, sizeBytes: 20 * 1_048_576 + 1 })],
    ['a size that is no number', indexOf({ ...ENTRY, sizeBytes: '100' })],
    ['a dependency that is no id', indexOf({ ...ENTRY, dependencies: { '../x': '*' } })],
    ['a range that is none', indexOf({ ...ENTRY, dependencies: { 'acme/base': 'soon' } })],
    ['a kind that is none', indexOf({ ...ENTRY, kind: 'theme' })],
    ['attestations that it has not', indexOf({ ...ENTRY, attestations: false })],
    ['attestations elsewhere', indexOf({ ...ENTRY, attestations: '../x.intoto.jsonl' })],
    ['less than it must say', indexOf({ ...ENTRY, engines: undefined })],
  ])('is refused with %s', (_what, json) => {
    expect(() => read(json)).toThrow(expect.objectContaining({ code: 'E_REGISTRY_INDEX' }));
  });

  it('is refused when it is huge, before anything of it is read', () => {
    expect(() => readIndex(Buffer.alloc(8 * 1_048_576 + 1, ' '))).toThrow(
      expect.objectContaining({ code: 'E_REGISTRY_INDEX' }),
    );
  });
});
