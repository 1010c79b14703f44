import { describe, expect, it } from 'vitest';
import { scanModule } from '../../../host/review/module-scan.ts';

const scan = (body: string) => scanModule(`export default { async start(ctx) {\n${body}\n} };`);

describe('the calls of a module', () => {
  it.each([
    ["await ctx.db.query('select 1');", 'db.query'],
    ["await ctx.db.queryOne('select 1');", 'db.query'],
    ['await ctx.db.transaction(async () => {});', 'db.begin'],
    ["await ctx['files']['read']('a');", 'files.read'],
    ["await fetch('https://example.com/');", 'http.fetch'],
    ["const get = fetch; await get('https://example.com/');", 'http.fetch'],
    ["await globalThis.fetch('https://example.com/');", 'http.fetch'],
  ])('%s is %s', (body, call) => {
    expect([...scan(body).calls]).toEqual([[call, 2]]);
    expect([...scan(body).families]).toEqual([]);
  });

  it.each([
    ['const { db, log } = ctx;', ['db']],
    ['const files = ctx.files;', ['files']],
    ['helper(ctx.http);', ['http']],
  ])('%s hands a family on', (body, families) => {
    expect([...scan(body).families.keys()]).toEqual(families);
  });

  it('sees a context that is taken apart by the handler', () => {
    const { families } = scanModule('export default { async start({ jobs }) { await jobs.enqueue("a"); } };');
    expect([...families.keys()]).toEqual(['jobs']);
  });

  it('tells of names that are made at run time', () => {
    expect(scan("await ctx['d' + 'b'].query('select 1');").computed).toEqual([2]);
    expect(scan("const c = ctx; await c.db.query('select 1');").computed).toEqual([2]);
  });

  it('leaves others alone that have the same members', () => {
    expect([...scan("library.db.query('x'); config.files.read('y');").calls]).toEqual([]);
  });

  it('takes no text that is no module', () => {
    expect(() => scanModule('export default {')).toThrow(expect.objectContaining({ code: 'E_PKG_INVALID' }));
  });
});

describe('the dangers of a module', () => {
  it.each([
    "eval('1');",
    "new Function('return 1');",
    "Function('return 1')();",
    "(() => {}).constructor('return 1')();",
    "(() => {})['constructor']('return 1')();",
    "(0, eval)('1');",
    "globalThis.eval('1');",
    "globalThis['Function']('1');",
    "const run = eval; run('1');",
    "Reflect.construct(Function, ['1']);",
    "setTimeout('x()', 1);",
    "globalThis.setTimeout('x()', 1);",
    'delete Array.prototype.map;',
    'Array.prototype.map = null;',
    "Object.defineProperty(Object.prototype, 'x', {});",
    'JSON.parse = null;',
    'ctx.__proto__ = null;',
    "await import('x');",
    'const _0x1a2b = 1, _0x1a2c = 2, _0x1a2d = 3, _0x1a2e = 4;',
  ])('%s', (body) => {
    expect(scan(body).dangers).toHaveLength(1);
  });

  it.each([
    `const text = '${'A'.repeat(10_000)}';`,
    'WebAssembly;',
    'process.exit();',
    "const make = (() => {}).constructor; make('1');",
    "const { constructor: make } = () => {}; make('1');",
    "const all = globalThis; all.eval('1');",
    "globalThis['ev' + 'al']('1');",
  ])('a person looks at %.20s', (body) => {
    expect(scan(body)).toMatchObject({ dangers: [], suspicions: [expect.any(String)] });
  });

  it.each([
    'class A { constructor() { super.x; } }',
    'const a = []; a.map(String);',
    "typeof Function === 'undefined' || a instanceof Function;",
    'Function.prototype.toString.call(a);',
    'a.constructor === Object && a.constructor.name;',
    "typeof globalThis === 'object' && globalThis.crypto;",
    'setTimeout(() => {}, 1);',
  ])('not %s', (body) => {
    expect(scan(body)).toMatchObject({ dangers: [], suspicions: [] });
  });
});
