import type { EndpointRequest, EndpointResponse, JsonObject } from '#sdk';
import { keyIn } from './definition.ts';
import { type Flags, flagAt } from './flags.ts';
import { nameOf, OF_TENANT, placeIn, placeNamed } from './places.ts';
import { type Expected, expectedOf, guarded, invalid, Refusal } from './problems.ts';
import { members } from './shapes.ts';
import { readChanges, readPlace, type StoredFlag } from './storage.ts';

const [DEFAULT_LIMIT, MAX_LIMIT] = [50, 200];

export function flagEndpoints(flags: Flags) {
  return {
    'GET /flags': guarded(async ({ query }, ctx) => {
      const { limit, cursor, tag } = pageOf(query);
      const { flags: kept } = await readPlace(ctx, placeIn(query));
      const matching = kept.filter(
        ({ key, definition }) => key > cursor && (tag === null || hasTag(definition, tag)),
      );
      const items = matching.sort(byKey).slice(0, limit);
      const next = matching.length > limit ? (items.at(-1)?.key ?? null) : null;
      return { body: { items: items.map(viewOf), next } };
    }),
    'POST /flags': guarded(async ({ query, body }, ctx) => {
      const { key, ...definition } = members(body, 'a flag');
      const made = await flags.change(ctx, placeIn(query), keyIn(key), 'absent', () => definition);
      return answer(made, 201);
    }),
    'GET /flags/:key': guarded(async ({ params, query, headers }, ctx) => {
      const flag = await flagAt(ctx, placeIn(query), keyIn(params.key));
      const isKnown = headers['if-none-match'] === `"${flag.version}"`;
      return isKnown ? { ...answer(flag), status: 304 } : answer(flag);
    }),
    'PUT /flags/:key': guarded(async (request, ctx) => {
      const { params, query, body } = request;
      const expected = expectedOf(request);
      let isNew = true;
      const put = await flags.change(ctx, placeIn(query), keyIn(params.key), expected ?? 'any', (known) => {
        if (known !== null && expected === null) throw preconditionRequired();
        isNew = known === null;
        return withoutKey(body, params.key);
      });
      return answer(put, isNew ? 201 : 200);
    }),
    'PATCH /flags/:key': guarded(async (request, ctx) => {
      const { params, query, body } = request;
      const expected = requiredOf(request);
      const changes = withoutKey(body, params.key);
      const patched = await flags.change(ctx, placeIn(query), keyIn(params.key), expected, (known) =>
        merged(known?.definition ?? {}, changes),
      );
      return answer(patched);
    }),
    'DELETE /flags/:key': guarded(async (request, ctx) => {
      const { params, query } = request;
      await flags.remove(ctx, placeIn(query), keyIn(params.key), requiredOf(request));
      return { status: 204 };
    }),
    'GET /flags/:key/history': guarded(async ({ params, query }, ctx) => {
      const key = keyIn(params.key);
      const changes = await readChanges(ctx, placeIn(query));
      return { body: { changes: changes.filter((change) => change.key === key) } };
    }),
    'GET /scopes': guarded(async (_request, ctx) => {
      const { scopes } = await readPlace(ctx, OF_TENANT);
      const places = [...scopes].sort().map((name) => ({ surface: null, app: null, ...placeNamed(name) }));
      return { body: { scopes: [{ surface: null, app: null }, ...places] } };
    }),
  };
}

export function viewOf({ key, place, version, definition, ...stamps }: StoredFlag): JsonObject {
  const { surface = null, app = null } = place;
  return { key, surface, app, version, ...definition, ...stamps };
}

/** Members that are `null` go. */
export function merged(definition: JsonObject, changes: JsonObject): JsonObject {
  const all = Object.entries({ ...definition, ...changes });
  return Object.fromEntries(all.filter(([, value]) => value !== null));
}

export function byKey(one: StoredFlag, other: StoredFlag): number {
  return one.key < other.key ? -1 : 1;
}

function answer(flag: StoredFlag, status = 200): EndpointResponse {
  const location = `/x/magflock/flags/flags/${flag.key}${queryOf(nameOf(flag.place))}`;
  const headers = { etag: `"${flag.version}"`, ...(status === 201 ? { location } : {}) };
  return { status, headers, body: viewOf(flag) };
}

function queryOf(name: string): string {
  return name === 'tenant' ? '' : `?${name.replace('/', '=')}`;
}

/** The key may be said again, and nothing else than the path says. */
function withoutKey(body: unknown, wanted: string | undefined): JsonObject {
  const { key = wanted, ...definition } = members(body, 'a flag');
  if (key !== wanted) throw invalid('the key of a flag cannot be changed');
  return definition as JsonObject;
}

function requiredOf(request: EndpointRequest): Expected {
  const expected = expectedOf(request);
  if (expected === null || expected === 'absent') throw preconditionRequired();
  return expected;
}

function preconditionRequired(): Refusal {
  return new Refusal('PRECONDITION_REQUIRED', 'If-Match has to name the ETag that was read, or *');
}

function hasTag(definition: JsonObject | null, tag: string): boolean {
  return Array.isArray(definition?.tags) && definition.tags.includes(tag);
}

function pageOf(query: EndpointRequest['query']) {
  const one = (name: string) => {
    const value = query[name];
    if (value !== undefined && typeof value !== 'string') throw invalid(`${name} is given more than once`);
    return value ?? null;
  };
  const limit = Number(one('limit') ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw invalid(`limit is a whole number from 1 to ${MAX_LIMIT}`);
  return { limit, cursor: one('cursor') ?? '', tag: one('tag') };
}
