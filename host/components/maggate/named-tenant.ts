import type { FastifyRequest } from 'fastify';

/** Members by which a request may name its tenant beside the context. */
const NAMES = ['tenant_id', 'tenantId'] as const;
const FORM = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/**
 * Where a request names another tenant than the one it acts in (spec 04): the path, the query, the top level of a
 * JSON body or the fields of a form. What is named twice must be right twice; `null` names nobody.
 * @returns the place, in words, or `null`
 */
export function foreignTenant(request: FastifyRequest, tenantId: string): string | null {
  if (namesOther(request.endpoint?.params ?? request.params, tenantId)) return 'path';
  if (namesOther(request.query, tenantId)) return 'query';
  if (request.routeConfig?.bodyOfOthers === true) return null;
  if (namesOther(bodyOf(request), tenantId)) return 'body';
  return namesOther(membersOf(request.body).fields, tenantId) ? 'form' : null;
}

function namesOther(value: unknown, tenantId: string): boolean {
  const members = membersOf(value);
  for (const name of NAMES) {
    const given = Object.hasOwn(members, name) ? members[name] : null;
    if (given !== null && given !== undefined && [given].flat().some((named) => named !== tenantId))
      return true;
  }
  return false;
}

/** A form in a line is text for an endpoint, and names what it names all the same. */
function bodyOf({ body, headers }: FastifyRequest): unknown {
  if (typeof body !== 'string' || !FORM.test(headers['content-type'] ?? '')) return body;
  const form = new URLSearchParams(body);
  return Object.fromEntries(NAMES.filter((name) => form.has(name)).map((name) => [name, form.getAll(name)]));
}

function membersOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
