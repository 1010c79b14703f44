import { build } from 'esbuild';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStackMap } from '../../../kernel/sandbox/stack-map.ts';

const FILE = 'acme/hello/index.js';
const ENTRY = 'dist/index.js';
const bytes = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const mapOf = (members: object) => bytes({ version: 3, names: [], sources: ['../src/index.ts'], ...members });

/** Bundles TypeScript as the packer does; resolves with the code and its map. */
async function bundle(source: string): Promise<{ code: string; map: Uint8Array }> {
  const { outputFiles } = await build({
    stdin: { contents: source, loader: 'ts', sourcefile: '../src/index.ts' },
    bundle: true,
    write: false,
    format: 'esm',
    sourcemap: 'external',
    outfile: ENTRY,
  });
  const [map, code] = outputFiles;
  return { code: code?.text ?? '', map: map?.contents ?? new Uint8Array() };
}

describe('a stack map', () => {
  it('names the lines the author wrote, wherever a position stands', async () => {
    const { code, map } = await bundle(`
interface Thing { name: string }

export function fail(thing: Thing) {
  throw new Error(thing.name);
}`);
    const line = code.split('\n').findIndex((text) => text.includes('throw')) + 1;
    const column = (code.split('\n')[line - 1]?.indexOf('new Error') ?? 0) + 1;
    const toSource = createStackMap(FILE, ENTRY, map);
    const at = `${FILE}:${line}:${column}`;
    expect(toSource(`Error: x\n    at fail (${at})\n    at async ${at}`)).toBe(
      'Error: x\n    at fail (src/index.ts:5:9)\n    at async src/index.ts:5:9',
    );
    expect(toSource(JSON.stringify({ stack: `at ${at}\n` }))).toBe('{"stack":"at src/index.ts:5:9\\n"}');
    expect(toSource(`Unexpected token [${at}]`)).toBe('Unexpected token [src/index.ts:5:9]');
  });

  it('leaves alone what it cannot map', () => {
    const toSource = createStackMap(FILE, ENTRY, mapOf({ mappings: 'AAAA' }));
    expect(toSource(`${FILE}:1:1`)).toBe('src/index.ts:1:1');
    for (const text of [
      '',
      'no position',
      FILE,
      `${FILE}:`,
      `${FILE}:0:0`,
      `${FILE}:9:9`,
      `${FILE}:99999999:1`,
      `other/index.js:1:1`,
    ]) {
      expect(toSource(text)).toBe(text);
    }
    expect(createStackMap(FILE, ENTRY, undefined)(`${FILE}:1:1`)).toBe(`${FILE}:1:1`);
  });

  it('maps a hundred positions of one text and keeps the rest', () => {
    const toSource = createStackMap(FILE, ENTRY, mapOf({ mappings: 'AAAA' }));
    const mapped = toSource(`${FILE}:1:1 `.repeat(150));
    expect(mapped).toBe('src/index.ts:1:1 '.repeat(100) + `${FILE}:1:1 `.repeat(50));
  });

  it.each([
    ['no JSON', bytes('{')],
    ['no object', bytes('null')],
    ['no UTF-8', new Uint8Array([0xff, 0xfe])],
    ['another shape', bytes({ version: 3, sources: {}, mappings: [] })],
    ['sections instead of mappings', bytes({ version: 3, sections: [{ offset: {}, map: {} }] })],
    ['sources that are no text', mapOf({ sources: [{}], mappings: 'AAAA' })],
    ['a source that would forge lines', mapOf({ sources: ['a\n    at b'], mappings: 'AAAA' })],
    ['a source that would end the JSON text', mapOf({ sources: ['a","level":"x'], mappings: 'AAAA' })],
    ['a source too long to read', mapOf({ sources: ['a'.repeat(201)], mappings: 'AAAA' })],
    ['mappings too long', mapOf({ mappings: 'AAAA,'.repeat(200_000) })],
    ['a file too large', bytes(' '.repeat(3_000_000) + JSON.stringify({ mappings: 'AAAA' }))],
    ['negative positions', mapOf({ mappings: 'AADD' })],
    ['deep nesting', bytes('['.repeat(1_000_000))],
    ['mappings of no VLQ', mapOf({ mappings: '////////////,!!!!,\u0000' })],
  ])('is not used when it has %s', (_, map) => {
    const text = `Error: x\n    at ${FILE}:1:1`;
    expect(createStackMap(FILE, ENTRY, map)(text)).toBe(text);
  });

  it('pollutes nothing and throws nothing, whatever is in it', () => {
    const hostile = fc.record({
      version: fc.anything(),
      sources: fc.oneof(fc.array(fc.string()), fc.anything()),
      sourceRoot: fc.anything(),
      names: fc.anything(),
      mappings: fc.oneof(
        fc.string({ unit: fc.constantFrom('A', 'C', 'D', 'g', '/', ';', ',', '!') }),
        fc.anything(),
      ),
      __proto__: fc.constant({ polluted: 1 }),
    });
    fc.assert(
      fc.property(hostile, fc.string(), fc.nat(50), fc.nat(50), (map, before, line, column) => {
        let text = '{"__proto__":{"polluted":1}}';
        try {
          text = `{"__proto__":{"polluted":1},${JSON.stringify(map).slice(1)}`;
        } catch {
          // Not every value is JSON.
        }
        const mapped = createStackMap(FILE, ENTRY, bytes(text))(`${before} ${FILE}:${line}:${column}`);
        expect(mapped.startsWith(before)).toBe(true);
        expect('polluted' in {}).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
