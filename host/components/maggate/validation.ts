import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';

/** Compiles the schemas of control routes: bodies as they are, query and path texts turned into numbers. */
export function createValidatorCompiler(): FastifySchemaCompiler<unknown> {
  const strict = createAjv(false);
  const coercing = createAjv(true);
  return ({ schema, httpPart }) => {
    const compiled = (httpPart === 'body' ? strict : coercing).compile(schema as object);
    return compiled;
  };
}

function createAjv(coerceTypes: boolean): Ajv2020 {
  const ajv = new Ajv2020({ coerceTypes, useDefaults: true, allErrors: false, strict: true });
  addFormats.default(ajv);
  return ajv;
}
