import {
  type Context,
  type EndpointRequest,
  type EndpointResponse,
  ExtensionError,
  type JsonObject,
} from '#sdk';
import {
  changeEntry,
  ENTRY_ID,
  type Entry,
  entryById,
  historyOf,
  listEntries,
  makeEntry,
  type Wanted,
} from './entries.ts';
import { exportOf } from './exporting.ts';
import { startMoves } from './move-jobs.ts';
import { listPlacements } from './placements.ts';
import { guarded } from './problems.ts';
import { type Change, candidates, explain, withChange } from './resolve.ts';
import {
  bad,
  CONTROL_PLANE,
  kindIn,
  members,
  requireControlPlane,
  scopeIn,
  storeIn,
  tenantIn,
  tenantOf,
} from './scope.ts';

const MAX_CONFIG_CHARS = 16_384;

export const endpoints = {
  'GET /entries': guarded(async ({ query }, ctx) => {
    const limit = limitIn(query.limit);
    const [tenant, kind] = [filterIn(query.tenant, tenantIn), filterIn(query.kind, kindIn)];
    const entries = await listEntries(ctx, { tenant, kind, after: idIn(query.after), limit });
    const next = entries.length < limit ? null : (entries.at(-1)?.id ?? null);
    return { body: { entries: entries.map(viewOf), next } };
  }),
  'POST /entries': guarded(async ({ body }, ctx) => {
    const entry = await makeEntry(ctx, tenantIn(members(body).tenant), scopeIn(body), wantedIn(body));
    return answer(entry, 201);
  }),
  'GET /entries/:id': guarded(async ({ params }, ctx) => answer(await entryById(ctx, params.id ?? ''))),
  'PUT /entries/:id': guarded(async ({ params, body, headers }, ctx) =>
    answer(await changeEntry(ctx, params.id ?? '', wantedIn(body), versionIn(headers))),
  ),
  'DELETE /entries/:id': guarded(async ({ params, headers }, ctx) => {
    const removed = { store: null, config: {} };
    return answer(await changeEntry(ctx, params.id ?? '', removed, versionIn(headers)));
  }),
  'GET /entries/:id/history': guarded(async ({ params }, ctx) => {
    const { id } = await entryById(ctx, params.id ?? '');
    return { body: { versions: await historyOf(ctx, id) } };
  }),
  'POST /resolve': guarded(async ({ body }, ctx) => ({ body: await resolved(ctx, body) })),
  'GET /placements': guarded(async ({ query }, ctx) => {
    const limit = limitIn(query.limit);
    const placements = await listPlacements(ctx, idIn(query.after), limit);
    const next = placements.length < limit ? null : ((placements.at(-1) as JsonObject).id ?? null);
    return { body: { placements, next } };
  }),
  'GET /tenants/:tenant/export': guarded(async ({ params }, ctx) => {
    if (tenantIn(params.tenant) !== tenantOf(ctx))
      throw new ExtensionError('WRONG_TENANT', 'data is for its own tenant alone: ask in a request of it');
    return { headers: { 'content-type': 'application/x-ndjson' }, body: exportOf(ctx) };
  }),
  'POST /moves': guarded(async (_request, ctx) => ({
    status: 202,
    body: { tenants: await startMoves(ctx) },
  })),
};

/** Which entry holds and why; with `change`, what would be then. */
export async function resolved(ctx: Context, body: unknown): Promise<JsonObject> {
  const { tenant: named, change } = members(body);
  const tenant = named === undefined ? tenantOf(ctx) : tenantIn(named);
  if (tenant !== tenantOf(ctx)) requireControlPlane(ctx);
  const scope = scopeIn(body);
  const routes = await candidates(ctx, tenant, scope);
  if (change === undefined) return explain(routes, tenant, scope);
  const after = explain(withChange(routes, tenant, scope, changeIn(change, scope.kind)), tenant, scope);
  const before = routes[0]?.store ?? null;
  return { ...after, dryRun: true, before, moves: before !== null && before !== after.store };
}

function changeIn(value: unknown, kind: string): Change {
  const change = members(value);
  const { surface, app, project } = scopeIn({ ...change, kind });
  const store = change.store === null ? null : storeIn(change.store);
  return { tenant: tenantIn(change.tenant ?? CONTROL_PLANE), surface, app, project, store };
}

function wantedIn(body: unknown): Wanted {
  const { store, config = {} } = members(body);
  const text = JSON.stringify(members(config));
  if (text.length > MAX_CONFIG_CHARS) throw bad('config is larger than 16 KiB');
  return { store: storeIn(store), config: JSON.parse(text) as JsonObject };
}

/** Of `If-Match: "3"`; `null` when nothing is asked of it. */
function versionIn(headers: EndpointRequest['headers']): number | null {
  const wanted = headers['if-match'];
  if (wanted === undefined || wanted === '*') return null;
  const version = /^"(\d{1,9})"$/.exec(wanted)?.[1];
  if (version === undefined) throw bad('If-Match is no ETag of an entry');
  return Number(version);
}

function answer(entry: Entry, status = 200): EndpointResponse {
  return { status, headers: { etag: `"${entry.version}"` }, body: viewOf(entry) };
}

export function viewOf({ surface, app, project, ...entry }: Entry): JsonObject {
  return { ...entry, surface: surface || null, app: app || null, project: project || null };
}

function textIn(value: string | string[] | undefined): string | null {
  if (value === undefined || typeof value === 'string') return value ?? null;
  throw bad('a parameter is there twice');
}

function filterIn(value: string | string[] | undefined, read: (text: string) => string): string | null {
  const text = textIn(value);
  return text === null ? null : read(text);
}

function idIn(value: string | string[] | undefined): string | null {
  const id = textIn(value);
  if (id === null || ENTRY_ID.test(id)) return id;
  throw bad('after is an id');
}

function limitIn(value: string | string[] | undefined): number {
  const limit = Number(textIn(value) ?? 100);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 500) return limit;
  throw bad('limit is a number from 1 to 500');
}
