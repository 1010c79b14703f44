import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT_DIR } from '../../host/paths.ts';
import { CAPABILITIES, CODES, EVENTS, HOOKS } from '../../manifests/catalog/index.ts';
import { CALLS } from '../../manifests/protocol/calls.ts';

/** The text of all TypeScript below these folders. */
function textOf(...folders: string[]): string {
  const files = folders.flatMap((folder) =>
    readdirSync(join(ROOT_DIR, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
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

describe('the catalogues agree', () => {
  const known = new Set(Object.keys(CAPABILITIES));

  it.each(Object.entries(CALLS))(
    'host call %s names capabilities of the catalogue, or none on purpose',
    (name, { needs }) => {
      if (needs === 'none') return expect(name).toMatch(/^state\./); // the only family every extension has of its own
      const named = 'capability' in needs ? [needs.capability] : needs.anyOf;
      expect(named.length).toBeGreaterThan(0);
      for (const capability of named) expect(known).toContain(capability);
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
