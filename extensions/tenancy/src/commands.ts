import type { CommandResult, Context, Invocation, Json } from '#sdk';
import { create, remove, SYSTEM, update } from './changes.ts';
import { readFields } from './fields.ts';
import { Refusal, said } from './problems.ts';
import { MEMBERSHIPS, OF_TENANT, type Resource, TENANTS, USERS } from './resources.ts';
import { findRow, listRows, notFound, type Row } from './rows.ts';
import { erase, exportOf, requireChangeable } from './tenants.ts';

type Command = (invocation: Invocation, ctx: Context) => Promise<CommandResult>;
type Kind = keyof typeof OF_TENANT;

/** What has rights of its own in the manifest: `catalog:read` and `catalog:write`. */
const { memberships: _, ...CATALOG } = OF_TENANT;
const MAX_LISTED = 1_000;
/** What an answer of a command may hold. */
const MAX_EXPORT_CHARS = 200_000;

export const commands: Readonly<Record<string, Command>> = {
  tenants: said(async ({ options }, ctx) => {
    const filters = new Map(options.status === undefined ? [] : [['status', String(options.status)]]);
    return listed(
      TENANTS,
      await listRows(ctx.db, TENANTS, { tenant: null, filters, after: '', limit: MAX_LISTED }),
    );
  }),
  'tenant-create': said(async ({ args }, ctx) => {
    requireSystem(ctx);
    const values = { id: args.tenant ?? null, name: args.name ?? args.tenant ?? null };
    return shown(await create(ctx, TENANTS, null, readFields(values, TENANTS.fields, true)));
  }),
  'tenant-set': said(async ({ args, options }, ctx) => {
    requireSystem(ctx);
    const id = String(args.tenant);
    await requireChangeable(ctx, id);
    const values = readFields(pick(options, ['name', 'status']), TENANTS.fields, false);
    return shown(await update(ctx, TENANTS, { tenant: null, id }, values, null));
  }),
  'tenant-erase': said(async ({ args }, ctx) => {
    requireSystem(ctx);
    return shown(await erase(ctx, String(args.tenant), null));
  }),
  list: said(async ({ args, options }, ctx) => {
    const resource = OF_TENANT[String(options.kind ?? 'memberships') as Kind];
    const page = { tenant: own(String(args.tenant), ctx), filters: new Map(), after: '', limit: MAX_LISTED };
    return listed(resource, await listRows(ctx.db, resource, page));
  }),
  'member-set': said(async ({ args, options }, ctx) => {
    const key = { tenant: own(String(args.tenant), ctx), id: String(args.principal) };
    return shown(await put(ctx, MEMBERSHIPS, key, { roles: args.roles ?? [], ...pick(options, ['status']) }));
  }),
  'member-remove': said(async ({ args }, ctx) => {
    const key = { tenant: own(String(args.tenant), ctx), id: String(args.principal) };
    return shown(await remove(ctx, MEMBERSHIPS, key, null));
  }),
  'catalog-show': said(async ({ args }, ctx) => {
    const [resource, key] = inCatalog(args, ctx);
    const row = await findRow(ctx.db, resource, key);
    if (row === null) throw notFound(resource);
    return shown(row);
  }),
  'catalog-set': said(async ({ args, options }, ctx) => {
    const [resource, key] = inCatalog(args, ctx);
    const plain = pick(options, ['name', 'surface', 'app', 'status']);
    return shown(
      await put(ctx, resource, key, { ...plain, ...objects(options, ['settings', 'policies', 'defaults']) }),
    );
  }),
  'catalog-remove': said(async ({ args }, ctx) => {
    const [resource, key] = inCatalog(args, ctx);
    await remove(ctx, resource, key, null);
    return { text: `${resource.name} ${key.id} is removed`, data: { ...key, kind: resource.name } };
  }),
  users: said(async ({ options }, ctx) => {
    const filters = new Map(
      Object.entries(pick(options, ['status', 'email'])).map(([name, value]) => [name, String(value)]),
    );
    return listed(
      USERS,
      await listRows(ctx.db, USERS, { tenant: null, filters, after: '', limit: MAX_LISTED }),
    );
  }),
  'user-set': said(async ({ args, options }, ctx) => {
    requireSystem(ctx);
    const key = { tenant: null, id: String(args.principal) };
    return shown(await put(ctx, USERS, key, pick(options, ['name', 'email', 'status'])));
  }),
  'user-remove': said(async ({ args }, ctx) => {
    requireSystem(ctx);
    const id = String(args.principal);
    await remove(ctx, USERS, { tenant: null, id }, null);
    return { text: `user ${id} is removed`, data: { id } };
  }),
  export: said(async ({ args }, ctx) => {
    let text = '';
    for await (const lines of exportOf(ctx, own(String(args.tenant), ctx))) {
      text += lines;
      if (text.length > MAX_EXPORT_CHARS)
        throw new Refusal(
          'INVALID',
          'That is too long for a command: GET /tenants/<tenant>/export streams all of it.',
        );
    }
    return { text };
  }),
};

/** Makes it, or changes what is there. What needs a name and is given none is called by its id. */
async function put(
  ctx: Context,
  resource: Resource,
  key: { tenant: string | null; id: string },
  values: Readonly<Record<string, Json>>,
): Promise<Row> {
  if ((await findRow(ctx.db, resource, key)) !== null)
    return update(ctx, resource, key, readFields(values, resource.fields, false), null);
  const named = resource.fields.name?.required === true ? { name: key.id } : {};
  const fresh = { ...named, ...values, [resource.key]: key.id };
  return create(ctx, resource, key.tenant, readFields(fresh, resource.fields, true));
}

function inCatalog(args: Invocation['args'], ctx: Context): [Resource, { tenant: string; id: string }] {
  const kind = String(args.kind);
  const kinds = Object.keys(CATALOG);
  if (!isIn(kind, CATALOG)) throw new Refusal('INVALID', `${kind} is none of ${kinds.join(', ')}.`);
  return [CATALOG[kind], { tenant: own(String(args.tenant), ctx), id: String(args.id) }];
}

function isIn<Table extends object>(name: string, table: Table): name is Extract<keyof Table, string> {
  return Object.hasOwn(table, name);
}

function objects(options: Invocation['options'], names: readonly string[]): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(pick(options, names)).map(([name, text]) => {
      try {
        return [name, JSON.parse(String(text))];
      } catch {
        throw new Refusal('INVALID', `--${name} is no JSON.`);
      }
    }),
  );
}

function requireSystem({ request }: Context): void {
  if (request?.tenantId !== SYSTEM) throw new Refusal('WRONG_TENANT', 'Tenants are kept in t_system.');
}

function own(tenant: string, { request }: Context): string {
  if (request?.tenantId === SYSTEM || request?.tenantId === tenant) return tenant;
  throw new Refusal('WRONG_TENANT', 'It is another tenant than the one this command acts in.');
}

function pick(options: Invocation['options'], names: readonly string[]): Record<string, Json> {
  return Object.fromEntries(
    names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  );
}

function shown(row: Row): CommandResult {
  return { text: JSON.stringify(row, null, 2), data: row };
}

function listed(resource: Resource, rows: readonly Row[]): CommandResult {
  const lines = rows.map((row) =>
    [row[resource.key], row.status, Array.isArray(row.roles) ? row.roles.join(',') : (row.name ?? '')].join(
      '\t',
    ),
  );
  return { text: lines.join('\n'), data: [...rows] };
}
