import type { Context, EndpointRequest, EndpointResponse, Json } from '#sdk';
import { attach, detach, findAttachment, listAttachments, type Target } from './attachments.ts';
import {
  createMode,
  findMode,
  ID,
  isStorable,
  listModes,
  readMode,
  removeMode,
  updateMode,
} from './modes.ts';
import { guarded, Refusal, versionOf } from './problems.ts';

type Handler = (request: EndpointRequest, ctx: Context) => Promise<EndpointResponse>;

export const SYSTEM = 't_system';
export const TENANT = /^t_[a-z0-9_-]{1,78}$/;
export const SURFACE = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;

export const endpoints: Readonly<Record<string, Handler>> = {
  'GET /current': guarded(async (_request, ctx) => ({ body: { mode: await currentMode(ctx) } })),
  'GET /modes': guarded(async ({ query }, ctx) => {
    const { limit, cursor } = pageOf(query, []);
    const found = await listModes(ctx, cursor, limit + 1);
    const items = found.slice(0, limit);
    return { body: { items, next: found.length > limit ? (items.at(-1)?.id ?? null) : null } };
  }),
  'POST /modes': guarded(async ({ body }, ctx) => {
    requireSystem(ctx);
    return answer(await createMode(ctx, readMode(body)), 201);
  }),
  'GET /modes/:id': guarded(async ({ params: { id = '' } }, ctx) => {
    const mode = await findMode(ctx.db, id);
    if (mode === null) throw new Refusal('NOT_FOUND', 'There is no such mode.');
    return answer(mode, 200);
  }),
  'PATCH /modes/:id': guarded(async (request, ctx) => {
    requireSystem(ctx);
    const { id, ...changes } = readMode(request.body);
    if (id !== undefined) throw new Refusal('INVALID', 'id cannot be changed.');
    return answer(await updateMode(ctx, request.params.id ?? '', changes, versionOf(request)), 200);
  }),
  'DELETE /modes/:id': guarded(async (request, ctx) => {
    requireSystem(ctx);
    await removeMode(ctx, request.params.id ?? '', versionOf(request));
    return { status: 204 };
  }),
  'GET /attachments': guarded(async ({ query }, ctx) => {
    const { limit, cursor, filters } = pageOf(query, ['tenant', 'mode']);
    const [tenant = '', surface = ''] = cursor.split('/');
    const filter = { tenant: filters.get('tenant') ?? null, mode: filters.get('mode') ?? null };
    const found = await listAttachments(ctx, filter, { tenant, surface }, limit + 1);
    const items = found.slice(0, limit);
    const last = found.length > limit ? items.at(-1) : undefined;
    return { body: { items, next: last === undefined ? null : `${last.tenant}/${last.surface}` } };
  }),
  ...attaching('/tenants/:tenant/mode'),
  ...attaching('/tenants/:tenant/surfaces/:surface/mode'),
};

function attaching(path: string): Record<string, Handler> {
  return {
    [`GET ${path}`]: guarded(async (request, ctx) => {
      const attachment = await findAttachment(ctx, targetOf(request, ctx, 'read'));
      if (attachment === null) throw new Refusal('NOT_FOUND', 'It has no mode of its own.');
      return answer(attachment, 200);
    }),
    [`PUT ${path}`]: guarded(async (request, ctx) => {
      const target = targetOf(request, ctx, 'write');
      const version = request.headers['if-match'] === undefined ? undefined : versionOf(request);
      return answer(await attach(ctx, target, modeOf(request), version), 200);
    }),
    [`DELETE ${path}`]: guarded(async (request, ctx) => {
      await detach(ctx, targetOf(request, ctx, 'write'), versionOf(request));
      return { status: 204 };
    }),
  };
}

/** The mode this request is in, with its entitlements; `null`: none, as in t_system. */
export async function currentMode(ctx: Context) {
  const id = ctx.request?.mode ?? null;
  return id === null ? null : findMode(ctx.db, id);
}

function modeOf({ body }: EndpointRequest): string {
  const isBody = body !== null && typeof body === 'object' && !Array.isArray(body);
  const mode = isBody && Object.keys(body).length === 1 ? body.mode : null;
  if (typeof mode === 'string' && ID.test(mode)) return mode;
  throw new Refusal('INVALID', '{ "mode": "<id>" } is needed.');
}

/** @throws `INVALID`, `WRONG_TENANT`: how a tenant is run is the control plane's to say */
function targetOf({ params }: EndpointRequest, ctx: Context, use: 'read' | 'write'): Target {
  const { tenant = '', surface = '' } = params;
  if (use === 'write' || ctx.request?.tenantId !== tenant) requireSystem(ctx);
  if (!TENANT.test(tenant) || (surface !== '' && !SURFACE.test(surface)))
    throw new Refusal('INVALID', 'That is no id of a tenant, or of a surface.');
  return { tenant, surface };
}

function requireSystem({ request }: Context): void {
  if (request?.tenantId !== SYSTEM) throw new Refusal('WRONG_TENANT', 'Modes are kept in t_system.');
}

function pageOf(query: EndpointRequest['query'], names: readonly string[]) {
  const filters = new Map<string, string>();
  let [cursor, limit] = ['', DEFAULT_LIMIT];
  for (const [name, value] of Object.entries(query)) {
    if (typeof value !== 'string' || !isStorable(value))
      throw new Refusal(
        'INVALID',
        `${name.slice(0, 80)} is given more than once, or is no text of its kind.`,
      );
    if (name === 'cursor') cursor = value;
    else if (name === 'limit') limit = Number(value);
    else if (names.includes(name)) filters.set(name, value);
    else if (!['tenant_id', 'tenantId'].includes(name))
      // those the host has looked at
      throw new Refusal('INVALID', `Nothing is filtered by ${JSON.stringify(name.slice(0, 80))}.`);
  }
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new Refusal('INVALID', `limit is a whole number from 1 to ${MAX_LIMIT}.`);
  return { cursor, limit, filters };
}

function answer(row: Record<string, Json>, status: number): EndpointResponse {
  return { status, headers: { etag: `"${row.version}"` }, body: row };
}
