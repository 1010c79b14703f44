import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';
import { SchemaCompiler } from '../../../manifests/schema-compiler.ts';

/** Compiles the schemas of control routes: bodies as they are, query and path texts turned into numbers. */
export function createValidatorCompiler(): FastifySchemaCompiler<unknown> {
  const strict = createAjv(false);
  const coercing = createAjv(true);
  return ({ schema, httpPart }) => {
    return (httpPart === 'body' ? strict : coercing).later(schema as object);
  };
}

function createAjv(coerceTypes: boolean): SchemaCompiler {
  const ajv = new SchemaCompiler({ coerceTypes, useDefaults: true, allErrors: false, strict: true });
  addFormats.default(ajv);
  return ajv;
}
