import type { ErrorObject } from 'ajv/dist/2020.js';
import semver from 'semver';
import { SchemaCompiler } from '../schema-compiler.ts';

/** More problems than these help nobody. */
export const MAX_PROBLEMS = 20;

/** What a manifest calls a version, a range of them, a day. */
export const formats = {
  semver: (text: string) => semver.valid(text) === text,
  'semver-range': (text: string) => semver.validRange(text) !== null,
  day: isDay,
};

/** Compiles the schemas of manifests; fills defaults in. */
export const ajv = new SchemaCompiler({
  strict: true,
  strictRequired: false,
  allErrors: true,
  useDefaults: true,
  ownProperties: true,
  formats,
});

/** `2027-01-31`, and a day there is. */
function isDay(text: string): boolean {
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

/** What does not match the schema, one sentence each with its place. */
export function describe(errors: readonly ErrorObject[]): string[] {
  const sentences = errors.map(({ instancePath, keyword, message, params }) => {
    const place = instancePath === '' ? '/' : instancePath;
    if (keyword === 'additionalProperties')
      return `${place} has the unknown member ${params.additionalProperty}`;
    if (keyword === 'const') return `${place} must be ${JSON.stringify(params.allowedValue)}`;
    if (keyword === 'enum') return `${place} must be one of ${params.allowedValues.join(', ')}`;
    return `${place} ${message ?? 'is wrong'}`;
  });
  return [...new Set(sentences)].slice(0, MAX_PROBLEMS);
}
