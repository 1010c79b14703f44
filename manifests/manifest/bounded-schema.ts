import { SchemaCompiler } from '../schema-compiler.ts';
import { MAX_SCHEMA_VALUES, weightOf } from './bounded-check.ts';

/** A schema of an extension, as JSON text, may be this long. */
const MAX_SCHEMA_CHARS = 65_536;
const MAX_DEPTH = 32;

/**
 * Keywords with which a schema can make its check take longer than (size of schema) x (size of value):
 * backtracking expressions, comparison of every pair of items, and references, which can recurse or double.
 * The check runs in the host's own thread, on values an extension chooses, so none of them is taken.
 */
const UNBOUNDED = ['pattern', 'patternProperties', 'uniqueItems', '$ref', '$dynamicRef', '$recursiveRef'];
const FOREIGN = ['$async', '$id', '$anchor', '$dynamicAnchor', '$schema'];
/** The members of these are names that the author chose, not keywords. */
const NAME_MAPS = ['properties', '$defs', 'definitions', 'dependentSchemas', 'dependentRequired'];
/** The values of these are data. */
const DATA = ['const', 'enum', 'default', 'examples'];
const DRAFT = 'https://json-schema.org/draft/2020-12/schema';

/**
 * What is wrong with a JSON Schema (2020-12) that an extension brought, one sentence each with a JSON
 * pointer into the schema. Empty: the host can compile it and its checks take bounded time.
 */
export function schemaProblems(schema: unknown): string[] {
  if (!isObject(schema)) return ['it is not a JSON object'];
  const problems = walk(schema, '', 0);
  if (problems.length > 0) return problems;
  if (JSON.stringify(schema).length > MAX_SCHEMA_CHARS) {
    return [`it is longer than ${MAX_SCHEMA_CHARS} characters`];
  }
  if (weightOf(schema, false).all > MAX_SCHEMA_VALUES) {
    return [`it consists of more than ${MAX_SCHEMA_VALUES} values`];
  }
  return compileProblems(schema);
}

function walk(node: unknown, pointer: string, depth: number): string[] {
  if (depth > MAX_DEPTH) return [`${pointer} lies deeper than ${MAX_DEPTH} levels`];
  if (Array.isArray(node)) return node.flatMap((item, i) => walk(item, `${pointer}/${i}`, depth + 1));
  if (!isObject(node)) return [];
  return Object.entries(node).flatMap(([keyword, value]) => {
    const at = `${pointer}/${keyword}`;
    if (isRefused(keyword, value, pointer)) return [`${at} is a keyword this host does not take`];
    if (DATA.includes(keyword)) return [];
    if (!NAME_MAPS.includes(keyword) || !isObject(value)) return walk(value, at, depth + 1);
    return Object.entries(value).flatMap(([name, child]) => walk(child, `${at}/${name}`, depth + 2));
  });
}

function isRefused(keyword: string, value: unknown, pointer: string): boolean {
  if (keyword === '$schema' && pointer === '') return value !== DRAFT;
  if (keyword === '$id' && pointer === '') return false;
  return keyword === '__proto__' || UNBOUNDED.includes(keyword) || FOREIGN.includes(keyword);
}

function compileProblems(schema: Record<string, unknown>): string[] {
  // A fresh instance: an `$id` of one package must not collide with the one of another.
  const ajv = new SchemaCompiler({ strict: false, validateFormats: false, logger: false });
  try {
    ajv.compile(schema);
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : 'it does not compile'];
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
