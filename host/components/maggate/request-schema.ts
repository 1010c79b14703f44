import addFormats from 'ajv-formats';
import type { FastifyRequest } from 'fastify';
import { MagError } from '../../../kernel/errors.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import { type BoundedCheck, boundedCheck } from '../../../manifests/manifest/bounded-check.ts';
import { SchemaCompiler } from '../../../manifests/schema-compiler.ts';
import { BodyFault } from './body-fault.ts';

const JSON_BODY = /^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;|$)/i;

/** For as long as the manifest that has the schema is there. */
const checks = new WeakMap<JsonObject, BoundedCheck>();

/**
 * Holds the body of a request, as the client sent it, against the schema of its endpoint. No body is `null`.
 * @throws `E_BAD_REQUEST`, also for one that is too large for the schema; an error with status 415 for what is no JSON
 */
export function requireBody({ body, headers }: FastifyRequest, schema: JsonObject): void {
  const type = headers['content-type'];
  if (type !== undefined && !JSON_BODY.test(type)) throw BodyFault.wrongType('This endpoint takes JSON.');
  const problem = checkOf(schema)(body ?? null);
  if (problem !== null) throw new MagError('E_BAD_REQUEST', `${problem}.`);
}

function checkOf(schema: JsonObject): BoundedCheck {
  const known = checks.get(schema);
  if (known !== undefined) return known;
  const compiler = new SchemaCompiler({ strict: false, logger: false });
  addFormats.default(compiler);
  const check = boundedCheck('body', schema, compiler.compile(schema));
  checks.set(schema, check);
  return check;
}
