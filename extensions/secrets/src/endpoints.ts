import type { Context, EndpointRequest, EndpointResponse, SecretKey, SecretTarget } from '#sdk';
import { overdue, warn } from './overdue.ts';
import { guarded, Refusal } from './problems.ts';

type Request = EndpointRequest;

export const endpoints = {
  'GET /secrets': guarded(list),
  'GET /secrets/:name': guarded(show),
  'PUT /secrets/:name': guarded(put),
  'DELETE /secrets/:name': guarded(remove),
  'POST /secrets/:name/rotations': guarded(async (request, ctx) => ({
    status: 201,
    body: await ctx.secrets.mappings.rotate(keyOf(request)),
  })),
  'POST /secrets/:name/checks': guarded(async (request, ctx) => ({
    body: await ctx.secrets.mappings.check(keyOf(request)),
  })),
  'GET /backends': guarded(async (_request, ctx) => ({
    body: { backends: await ctx.secrets.mappings.backends() },
  })),
  'GET /overdue': guarded(async (_request, ctx) => ({ body: { secrets: await overdue(ctx) } })),
  'POST /overdue': guarded(async (_request, ctx) => ({ body: { warned: (await warn(ctx)).length } })),
};

async function list({ query }: Request, ctx: Context): Promise<EndpointResponse> {
  const limit = Number(query.limit ?? 100);
  if (!Number.isInteger(limit) || limit < 1 || limit > 500)
    throw new Refusal('INVALID', 'limit is a whole number from 1 to 500.');
  return { body: await ctx.secrets.mappings.list({ limit, after: String(query.after ?? '') }) };
}

async function show(request: Request, ctx: Context): Promise<EndpointResponse> {
  const key = keyOf(request);
  const { extension = null, tenant = null } = key;
  const { secrets } = await ctx.secrets.mappings.list({ name: key.name, limit: 500 });
  const found = secrets.find((row) => row.extension === extension && row.tenant === tenant);
  if (found === undefined) throw new Refusal('NOT_FOUND', 'There is no such secret.');
  const history = await ctx.secrets.mappings.history(key);
  return { headers: { etag: etagOf(found.mapping?.version ?? 0) }, body: { ...found, history } };
}

async function put(request: Request, ctx: Context): Promise<EndpointResponse> {
  const version = versionIn(request.headers);
  const target = targetIn(request.body);
  const { swapped, version: now } = await ctx.secrets.mappings.set(keyOf(request), target, { version });
  if (!swapped) throw stale(now);
  return { status: version === 0 ? 201 : 200, headers: { etag: etagOf(now) }, body: { version: now } };
}

async function remove(request: Request, ctx: Context): Promise<EndpointResponse> {
  const version = versionIn(request.headers);
  const { swapped, version: now } = await ctx.secrets.mappings.remove(keyOf(request), { version });
  if (swapped) return { status: 204 };
  throw now === 0 ? new Refusal('NOT_FOUND', 'It is not mapped.') : stale(now);
}

/** The host refuses what is no name, extension or tenant. */
function keyOf({ params, query }: Request): SecretKey {
  return {
    name: params.name ?? '',
    ...(query.extension === undefined ? {} : { extension: String(query.extension) }),
    ...(query.tenant === undefined ? {} : { tenant: String(query.tenant) }),
  };
}

function etagOf(version: number): string {
  return `"${version}"`;
}

/** 0: it must not be mapped yet. @throws `PRECONDITION_REQUIRED`: the request does not say what it has seen */
function versionIn(headers: Request['headers']): number {
  if (headers['if-none-match'] === '*') return 0;
  const [, version] = /^"(\d{1,9})"$/.exec(headers['if-match'] ?? '') ?? [];
  if (version !== undefined) return Number(version);
  throw new Refusal('PRECONDITION_REQUIRED', 'If-Match has to name the ETag, or If-None-Match: * be there.');
}

/** Whether it leads anywhere the host says. @throws `INVALID` */
function targetIn(body: unknown): SecretTarget {
  const { backend, ref, rotateAfterDays, ...rest } = (isObject(body) ? body : { rest: null }) as Record<
    string,
    unknown
  >;
  const days = rotateAfterDays ?? undefined;
  const isTarget = typeof backend === 'string' && typeof ref === 'string' && Object.keys(rest).length === 0;
  if (isTarget && days === undefined) return { backend, ref };
  if (isTarget && typeof days === 'number') return { backend, ref, rotateAfterDays: days };
  throw new Refusal(
    'INVALID',
    'backend and ref are texts, rotateAfterDays is a number of days, and there is nothing else.',
  );
}

function isObject(value: unknown): boolean {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function stale(version: number): Refusal {
  return new Refusal('STALE', 'It was changed meanwhile.', etagOf(version));
}
