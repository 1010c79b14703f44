import { describe, expect, it } from 'vitest';
import { boundedCheck } from '../../../manifests/manifest/bounded-check.ts';
import { schemaProblems } from '../../../manifests/manifest/bounded-schema.ts';
import { type Check, SchemaCompiler } from '../../../manifests/schema-compiler.ts';

/** How often the compiled schema was asked, and what came out. */
function checking(schema: object) {
  let asked = 0;
  const compiled = new SchemaCompiler({ strict: false }).compile(schema);
  const valid = Object.assign(
    (value: unknown): value is unknown => {
      asked += 1;
      const isValid = compiled(value);
      valid.errors = compiled.errors ?? null;
      return isValid;
    },
    { errors: null as Check['errors'] & (object | null) },
  );
  const check = boundedCheck('body', schema, valid);
  return { check, asked: () => asked };
}

const alternatives = (count: number) => Array.from({ length: count }, (_, i) => ({ const: i }));

describe('the check of a schema of an extension', () => {
  it('says what is wrong, and where', () => {
    const { check } = checking({ type: 'object', properties: { name: { type: 'string' } } });
    expect(check({ name: 'Ada' })).toBeNull();
    expect(check({ name: 7 })).toBe('body/name must be string');
    expect(check([])).toBe('body must be object');
  });

  it('takes long lists of ordinary things', () => {
    const properties = { id: { type: 'integer' }, name: { type: 'string', maxLength: 80 } };
    const { check } = checking({ type: 'array', items: { type: 'object', properties } });
    expect(check(Array.from({ length: 10_000 }, (_, id) => ({ id, name: 'Ada' })))).toBeNull();
  });

  it.each<[string, object, unknown]>([
    ['many alternatives for many items', { items: { anyOf: alternatives(450) } }, Array(5_000).fill(449)],
    [
      'many alternatives for many members',
      { additionalProperties: { enum: Array.from({ length: 1_900 }, (_, i) => i) } },
      Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`m${i}`, i])),
    ],
    [
      'many looks at one long text',
      { anyOf: Array.from({ length: 400 }, () => ({ minLength: 900_000 })) },
      'x'.repeat(800_000),
    ],
    [
      'many looks at long names',
      { propertyNames: { anyOf: Array.from({ length: 400 }, () => ({ minLength: 900_000 })) } },
      { ['x'.repeat(800_000)]: 1 },
    ],
  ])('refuses unread what would keep the host busy: %s', (_what, schema, value) => {
    expect(schemaProblems(schema)).toEqual([]);
    const { check, asked } = checking(schema);
    expect(check(value)).toBe('body is too large to be checked against its schema');
    expect(asked()).toBe(0);
  });
});
