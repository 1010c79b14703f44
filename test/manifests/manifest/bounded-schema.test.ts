import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { schemaProblems } from '../../../manifests/manifest/bounded-schema.ts';

describe('schemaProblems', () => {
  it('takes ordinary schemas, and members that are called like keywords', () => {
    const schemas = [
      {},
      { $schema: 'https://json-schema.org/draft/2020-12/schema', $id: 'https://acme.example/a.json' },
      { type: 'object', properties: { pattern: { type: 'string' }, $ref: { type: 'integer' } } },
      { enum: [{ pattern: 'x' }], default: { uniqueItems: true } },
      { type: 'string', format: 'date-time', maxLength: 40 },
      { type: 'array', items: { anyOf: [{ type: 'null' }, { type: 'number', minimum: 0 }] } },
    ];
    for (const schema of schemas) expect(schemaProblems(schema)).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['true', true],
    ['a list', []],
    ['a type that is none', { type: 'thing' }],
    ['a pattern', { properties: { a: { pattern: 'x' } } }],
    [
      'a pattern among the members of a member called properties',
      { properties: { properties: { pattern: 'x' } } },
    ],
    ['a pattern of names', { patternProperties: { x: {} } }],
    ['a comparison of all pairs', { items: { uniqueItems: true } }],
    ['recursion', { properties: { a: { $ref: '#' } } }],
    ['a reference elsewhere', { $ref: 'https://example.com/schema.json' }],
    ['a dynamic reference', { $dynamicRef: '#a' }],
    ['an asynchronous schema', { $async: true }],
    ['another draft', { $schema: 'http://json-schema.org/draft-07/schema#' }],
    ['a member of the language', JSON.parse('{"properties":{"a":{"__proto__":{}}}}')],
    ['too much', { description: 'x'.repeat(70_000) }],
    ['too much to compile', { anyOf: Array.from({ length: 1_000 }, (_, i) => ({ const: i })) }],
    ['too deep a schema', nested(40)],
    ['far too deep a schema', nested(20_000)],
  ])('refuses %s', (_what, schema) => {
    expect(schemaProblems(schema)).not.toEqual([]);
  });

  it('survives any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        expect(Array.isArray(schemaProblems(json))).toBe(true);
      }),
    );
  });
});

function nested(depth: number): object {
  let schema: object = {};
  for (let i = 0; i < depth; i += 1) schema = { items: schema };
  return schema;
}
