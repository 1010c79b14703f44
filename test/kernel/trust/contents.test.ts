import { describe, expect, it } from 'vitest';
import { readContents } from '../../../kernel/trust/contents.ts';
import { MANIFEST, packageFiles } from './fixtures/packages.ts';

const invalid = expect.objectContaining({ code: 'E_PKG_INVALID' });

const publishing = {
  ...MANIFEST,
  capabilities: [{ name: 'api.emit_events', reason: 'r' }],
  contributes: { events: { publishes: [{ type: 'acme.hello.greeted', schema: 'schemas/greeted.json' }] } },
};
const migrating = { ...MANIFEST, migrations: 'migrations' };

describe('readContents', () => {
  it('decodes the entry, the event schemas and the migrations in their order', () => {
    const manifest = { ...publishing, migrations: 'migrations' };
    const contents = readContents(
      packageFiles(manifest, {
        'schemas/greeted.json': '{"type":"object"}',
        'migrations/0002_more.up.sql': 'b',
        'migrations/0001_first.down.sql': 'undo',
        'migrations/0001_first.up.sql': 'a',
      }),
    );
    expect(contents.code).toBe('export default {};');
    expect([...contents.eventSchemas]).toEqual([['acme.hello.greeted', { type: 'object' }]]);
    expect(contents.migrations).toEqual([
      { name: '0001_first', up: 'a', down: 'undo' },
      { name: '0002_more', up: 'b', down: null },
    ]);
  });

  it('refuses an entry that is absent, empty or no text', () => {
    expect(() => readContents(packageFiles(MANIFEST, { 'dist/index.js': undefined }))).toThrow(invalid);
    expect(() => readContents(packageFiles(MANIFEST, { 'dist/index.js': ' \n' }))).toThrow(invalid);
    const files = packageFiles().set('dist/index.js', Buffer.from([0xff, 0xfe]));
    expect(() => readContents(files)).toThrow(invalid);
  });

  it.each([
    ['absent', undefined],
    ['no JSON', '{'],
    ['no object', '7'],
    ['no schema', '{"type":"thing"}'],
    ['a slow one', '{"type":"string","pattern":"(a+)+$"}'],
    ['a recursive one', '{"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}'],
  ])('refuses an event schema that is %s', (_what, schema) => {
    expect(() => readContents(packageFiles(publishing, { 'schemas/greeted.json': schema }))).toThrow(invalid);
  });

  it.each([
    ['no files', {}],
    ['another name', { 'migrations/first.sql': 'a' }],
    ['a name with capitals', { 'migrations/0001_First.up.sql': 'a' }],
    ['a file in a folder', { 'migrations/old/0001_first.up.sql': 'a' }],
    ['a way back only', { 'migrations/0001_first.down.sql': 'a' }],
    ['a number twice', { 'migrations/0001_a.up.sql': 'a', 'migrations/0001_b.up.sql': 'b' }],
  ])('refuses migrations with %s', (_what, files) => {
    expect(() => readContents(packageFiles(migrating, files))).toThrow(invalid);
  });

  it('refuses a frame whose page is not in the package', () => {
    const board = {
      ...MANIFEST,
      capabilities: [{ name: 'ui.register_panel', reason: 'Shows a board.' }],
      contributes: { panels: [{ name: 'b', title: 'B', page: 'ui/board.html' }] },
    };
    const without = packageFiles(board);
    expect(() => readContents(without)).toThrow(expect.objectContaining({ code: 'E_PKG_INVALID' }));
    expect(readContents(without.set('ui/board.html', Buffer.from('x'))).manifest.id).toBe(MANIFEST.id);
  });

  it('refuses a manifest that is no JSON, no text, no manifest or wants too much', () => {
    const code = (error: string) => expect.objectContaining({ code: error });
    const withManifest = (bytes: Uint8Array) => () =>
      readContents(packageFiles().set('manifest.json', bytes));
    expect(withManifest(Buffer.from('{'))).toThrow(code('E_MANIFEST_INVALID'));
    expect(withManifest(Buffer.from([0xff]))).toThrow(code('E_MANIFEST_INVALID'));
    expect(withManifest(Buffer.from('{"id":"acme/hello"}'))).toThrow(code('E_MANIFEST_INVALID'));
    expect(withManifest(Buffer.from('{"id":"Acme/hello"}'))).toThrow(code('E_MANIFEST_INVALID'));
    expect(withManifest(Buffer.alloc(300_000, 0x20))).toThrow(code('E_MANIFEST_INVALID'));
    const deep = Buffer.from(`{"id":"acme/hello","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
    expect(withManifest(deep)).toThrow(code('E_MANIFEST_INVALID'));
    const missing = { ...MANIFEST, contributes: { hooks: [{ hook: 'magds.before_query' }] } };
    expect(() => readContents(packageFiles(missing))).toThrow(code('E_UNSUPPORTED'));
  });
});
