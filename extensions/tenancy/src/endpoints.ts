import type { Context, EndpointRequest, EndpointResponse } from '#sdk';
import { create, remove, SYSTEM, update } from './changes.ts';
import { readFields } from './fields.ts';
import { etagOf, pageOf, versionOf } from './http.ts';
import { guarded, Refusal } from './problems.ts';
import { OF_TENANT, type Resource, TENANTS, USERS } from './resources.ts';
import { findRow, listRows, notFound, type Row } from './rows.ts';
import { erase, exportOf, requireChangeable } from './tenants.ts';

type Handler = (request: EndpointRequest, ctx: Context) => Promise<EndpointResponse>;

/** Every endpoint, by its key in the manifest. */
export const endpoints: Readonly<Record<string, Handler>> = {
  ...crud('/tenants', TENANTS),
  ...crud('/users', USERS),
  ...Object.fromEntries(
    Object.entries(OF_TENANT).flatMap(([plural, resource]) =>
      Object.entries(crud(`/tenants/:tenant/${plural}`, resource)),
    ),
  ),
  'GET /tenants/:tenant/export': guarded(async ({ params }, ctx) => {
    const id = tenantOf(params, ctx, 'read');
    if ((await findRow(ctx.db, TENANTS, { tenant: null, id: id })) === null) throw notFound(TENANTS);
    return { headers: { 'content-type': 'application/x-ndjson' }, body: exportOf(ctx, id) };
  }),
};

function crud(path: string, resource: Resource): Record<string, Handler> {
  const one = `${path}/:${resource === TENANTS ? 'tenant' : 'id'}`;
  const isTenant = resource === TENANTS;
  const idOf = ({ params }: EndpointRequest) => (isTenant ? params.tenant : params.id) ?? '';
  const keyOf = (request: EndpointRequest, ctx: Context, use: Use) => ({
    tenant: scopeOf(resource, request, ctx, use),
    id: idOf(request),
  });
  return {
    [`GET ${path}`]: guarded(async (request, ctx) => {
      const page = pageOf(request, resource, scopeOf(resource, request, ctx, 'read'));
      const rows = await listRows(ctx.db, resource, { ...page, limit: page.limit + 1 });
      const items = rows.slice(0, page.limit);
      const next = rows.length > page.limit ? String(items.at(-1)?.[resource.key]) : null;
      return { body: { items, next } };
    }),
    [`POST ${path}`]: guarded(async (request, ctx) => {
      const tenant = scopeOf(resource, request, ctx, 'write');
      const row = await create(ctx, resource, tenant, readFields(request.body, resource.fields, true));
      const location = `/x/magflock/tenancy${request.path}/${encodeURIComponent(String(row[resource.key]))}`;
      return { ...answer(row, 201), headers: { etag: etagOf(row), location } };
    }),
    [`GET ${one}`]: guarded(async (request, ctx) => {
      const row = await findRow(ctx.db, resource, keyOf(request, ctx, 'read'));
      if (row === null) throw notFound(resource);
      if (request.headers['if-none-match'] === etagOf(row))
        return { status: 304, headers: { etag: etagOf(row) } };
      return answer(row, 200);
    }),
    [`PATCH ${one}`]: guarded(async (request, ctx) => {
      const key = keyOf(request, ctx, 'write');
      const values = readFields(request.body, resource.fields, false);
      if (isTenant) await requireChangeable(ctx, key.id);
      return answer(await update(ctx, resource, key, values, versionOf(request)), 200);
    }),
    [`DELETE ${one}`]: guarded(async (request, ctx) => {
      const key = keyOf(request, ctx, 'write');
      const version = versionOf(request);
      await (isTenant ? erase(ctx, key.id, version) : remove(ctx, resource, key, version));
      return { status: 204 };
    }),
  };
}

function answer(row: Row, status: number): EndpointResponse {
  return { status, headers: { etag: etagOf(row) }, body: row };
}

type Use = 'read' | 'write';

/** The tenant whose rows are meant. Tenants and users are the control plane's to change. */
function scopeOf(resource: Resource, { params }: EndpointRequest, ctx: Context, use: Use): string | null {
  if (resource.ofTenant) return tenantOf(params, ctx, use, resource.isShared);
  if (use === 'write' && ctx.request?.tenantId !== SYSTEM)
    throw new Refusal('WRONG_TENANT', `A ${resource.name} is made, changed and removed in t_system.`);
  return null;
}

/** @throws `WRONG_TENANT`: a request in a tenant is about that tenant, and what t_system shares is there to read */
function tenantOf(
  { tenant = '' }: EndpointRequest['params'],
  { request }: Context,
  use: Use,
  isShared = false,
): string {
  const own = request?.tenantId;
  if (own === SYSTEM || own === tenant || (use === 'read' && isShared && tenant === SYSTEM)) return tenant;
  throw new Refusal('WRONG_TENANT', 'The path names another tenant than the one this request acts in.');
}
