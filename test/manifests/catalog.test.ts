import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { ROOT_DIR } from '../../host/paths.ts';
import { CAPABILITIES, CODES, EVENTS, HOOKS, type HookRow, isTapped } from '../../manifests/catalog/index.ts';
import { CALLS, errorsOf } from '../../manifests/protocol/calls.ts';
import { SchemaCompiler } from '../../manifests/schema-compiler.ts';
import { SAMPLES } from '../host/e2e/matrix/samples.ts';

/** The text of all TypeScript below these folders. */
function textOf(...folders: string[]): string {
  const files = folders.flatMap((folder) =>
    readdirSync(join(ROOT_DIR, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') || file.endsWith('manifest.json'))
      .map((file) => join(ROOT_DIR, folder, file)),
  );
  return files
    .filter((file) => !file.endsWith('manifests/catalog/codes.ts'))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
}

const source = textOf('kernel', 'adapters', 'host', 'manifests');
const tests = textOf('test');

describe('the catalogue of codes', () => {
  it.each(Object.keys(CODES))('%s is used by the source and asserted by a test', (code) => {
    const word = new RegExp(`'${code}'`);
    expect(word.test(source)).toBe(true);
    expect(new RegExp(`${code}\\b`).test(tests)).toBe(true);
  });

  it('has every code that the source names', () => {
    const named = new Set(source.match(/'E_[A-Z_]*[A-Z]'/g)?.map((text) => text.slice(1, -1)));
    expect([...named].filter((code) => !Object.hasOwn(CODES, code))).toEqual([]);
  });
});

describe('the schemas of the catalogues', () => {
  it.each([
    ...Object.entries(CALLS).map(([name, { params }]) => [name, params] as const),
    ...Object.entries(EVENTS).map(([name, { data }]) => [name, data] as const),
    ...Object.values(HOOKS as Record<string, HookRow>)
      .filter(isTapped)
      .map(({ meaning, payload }) => [meaning, payload] as const),
  ])('of %s compiles', (_, schema) => {
    const compiler = new SchemaCompiler({ strict: true });
    addFormats.default(compiler);
    expect(() => compiler.compile(schema)).not.toThrow();
  });
});

/** What every extension has of its own, what it undoes, and what the manifests of two extensions allow. */
const FREE = /^state\.|^db\.rollback$|^extensions\.call$/;

// Events are seen to arrive in test/host/e2e/witness.test.ts, host calls and their capabilities to work in
// test/host/e2e/matrix. Of the rest this sees no more than that a test with an extension names it.
describe('what no matrix goes through is named by a test with an extension', () => {
  const ofCalls = new Set<string>(Object.values(SAMPLES).map(({ takes }) => takes ?? ''));
  const others = Object.keys(CAPABILITIES).filter((name) => !ofCalls.has(name));
  const withExtensions = textOf('test/host/e2e', 'test/sandbox', 'extensions');

  it.each(others)('capability %s', (name) => {
    expect(new RegExp(`['"]${name}['"]`).test(withExtensions)).toBe(true);
  });

  it.each(Object.entries(HOOKS as Record<string, HookRow>))('hook %s', (name, row) => {
    const text = isTapped(row) ? `['"]${name}['"]` : `\\b${row.contribution}['"]?: `;
    expect(new RegExp(text).test(withExtensions)).toBe(true);
  });
});

describe('the catalogues agree', () => {
  const known = new Set(Object.keys(CAPABILITIES));

  it.each(Object.entries(CALLS))(
    'host call %s names capabilities of the catalogue, or none on purpose',
    (name, { needs }) => {
      if (needs === 'none') return expect(name).toMatch(FREE);
      const named = 'capability' in needs ? [needs.capability] : needs.anyOf;
      expect(named.length).toBeGreaterThan(0);
      for (const capability of named) expect(known).toContain(capability);
    },
  );

  it.each(['network', 'files', 'metrics', 'secrets', 'keys', 'stores'])(
    'the calls of %s name every code its adapter answers with, and no other',
    (folder) => {
      // Faults of MagFlock are no answer to a guest, nor is what an operator is refused.
      const faults = ['E_INTERNAL', 'E_STATE', 'E_BAD_REQUEST', 'E_CONFIG'];
      const said = new Set([
        ...(textOf(`adapters/${folder}`).match(/(?<=')E_[A-Z_]+(?=')/g) ?? []),
        // The database under the built-in store.
        ...(folder === 'stores' ? ['E_STORAGE'] : []),
      ]);
      const rows = Object.values(CALLS).filter(({ adapter }) => adapter?.component === folder);
      const named = new Set<string>(rows.flatMap(errorsOf));
      expect([...said].filter((code) => !named.has(code) && !faults.includes(code))).toEqual([]);
      expect(rows.flatMap(({ errors }) => errors).filter((code) => !said.has(code))).toEqual([]);
    },
  );

  it('hooks and events name capabilities of the catalogue', () => {
    for (const { capability } of Object.values(HOOKS)) expect(known).toContain(capability);
    for (const { requires } of Object.values(EVENTS))
      for (const name of requires) expect(known).toContain(name);
  });

  it.each(Object.keys(CAPABILITIES))('capability %s is enforced somewhere outside the catalogue', (name) => {
    expect(
      textOf('kernel', 'adapters').includes(`'${name}'`) || source.includes(`capability: '${name}'`),
    ).toBe(true);
  });
});
