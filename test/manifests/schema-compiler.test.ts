import { describe, expect, it } from 'vitest';
import { SchemaCompiler } from '../../manifests/schema-compiler.ts';

const NUMBER = { type: 'object', properties: { n: { type: 'number' } } };

describe('a compiler of schemas', () => {
  it.each([
    ['an unknown type', { type: 'objekt' }],
    ['a keyword with a wrong value', { properties: [] }],
  ])('refuses %s, as every Ajv does', (_, schema) => {
    expect(() => new SchemaCompiler().compile(schema)).toThrow('schema is invalid');
  });

  it('keeps its options and its ids to itself', () => {
    const [coercing, plain] = [new SchemaCompiler({ coerceTypes: true }), new SchemaCompiler()];
    const one = coercing.compile({ $id: 'mag:one', ...NUMBER });
    const other = plain.compile({ $id: 'mag:one', ...NUMBER });
    expect([one({ n: '1' }), other({ n: '1' })]).toEqual([true, false]);
  });
});

describe('a check that is compiled later', () => {
  it('says what is wrong with the last value, and nothing of the one before', () => {
    const check = new SchemaCompiler().later(NUMBER);
    expect(check({ n: 'one' })).toBe(false);
    expect(check.errors?.[0]).toMatchObject({ instancePath: '/n', keyword: 'type' });
    expect(check({ n: 1 })).toBe(true);
    expect(check.errors).toBeNull();
  });

  it('fails when it is asked, where its schema is wrong', () => {
    const check = new SchemaCompiler().later({ type: 'objekt' });
    expect(() => check(1)).toThrow('schema is invalid');
  });
});
