import type { CommandResult, Json, JsonObject } from '#sdk';
import { resolved, viewOf } from './endpoints.ts';
import { changeEntry, findEntry, listEntries, makeEntry } from './entries.ts';
import { startMoves } from './move-jobs.ts';
import { listPlacements } from './placements.ts';
import { said } from './problems.ts';
import { bad, members, scopeIn, storeIn, tenantIn } from './scope.ts';

const PAGE = 500;

export const commands = {
  list: said(async ({ args, options }, ctx) => {
    const [kind, tenant] = [(args.kind ?? null) as string | null, (options.tenant ?? null) as string | null];
    const entries = await listEntries(ctx, { tenant, kind, after: null, limit: PAGE });
    return shown(entries.map(viewOf), lineOf);
  }),
  set: said(async ({ args, options }, ctx) => {
    const [tenant, scope] = [tenantIn(options.for), scopeIn({ ...options, kind: args.kind })];
    const wanted = { store: storeIn(args.store), config: configIn(options.config) };
    const known = await findEntry(ctx, tenant, scope);
    const entry =
      known === null || known.store === null
        ? await makeEntry(ctx, tenant, scope, wanted)
        : await changeEntry(ctx, known.id, wanted, known.version);
    return { text: lineOf(viewOf(entry)), data: viewOf(entry) };
  }),
  remove: said(async ({ args, options }, ctx) => {
    const [tenant, scope] = [tenantIn(options.for), scopeIn({ ...options, kind: args.kind })];
    const known = await findEntry(ctx, tenant, scope);
    if (known === null || known.store === null) throw bad('there is no such entry');
    const entry = await changeEntry(ctx, known.id, { store: null, config: {} }, known.version);
    return { text: 'removed', data: viewOf(entry) };
  }),
  resolve: said(async ({ args, options }, ctx) => {
    const asked = {
      ...options,
      kind: args.kind,
      ...(options.for === undefined ? {} : { tenant: options.for }),
    };
    const answer = await resolved(ctx, asked);
    return { text: `${String(answer.store)}: ${String(answer.why)}`, data: answer };
  }),
  placements: said(async (_invocation, ctx) =>
    shown((await listPlacements(ctx, null, PAGE)) as JsonObject[], (place) => {
      const move = place.move as JsonObject | null;
      const doing =
        move === null ? '' : ` -> ${String(move.to)}, ${String(move.state)}, ${String(move.copied)} copied`;
      return `${String(place.tenant)} ${String(place.caller)} ${String(place.kind)}: ${String(place.store)}${doing}`;
    }),
  ),
  move: said(async (_invocation, ctx) => {
    const tenants = await startMoves(ctx);
    return {
      text: tenants.length === 0 ? 'nothing is to be moved' : `moving: ${tenants.join(', ')}`,
      data: { tenants },
    };
  }),
};

function shown(rows: readonly JsonObject[], line: (row: JsonObject) => string): CommandResult {
  return { text: rows.length === 0 ? 'none' : rows.map(line).join('\n'), data: rows as Json };
}

function lineOf(entry: JsonObject): string {
  const named = ['surface', 'app', 'project'].filter((name) => entry[name] !== null);
  const where = named.map((name) => `, ${name} ${String(entry[name])}`).join('');
  return `${String(entry.kind)} for ${String(entry.tenant)}${where}: ${String(entry.store)} (version ${String(entry.version)})`;
}

function configIn(text: Json | undefined): JsonObject {
  if (text === undefined) return {};
  try {
    return { ...members(JSON.parse(String(text))) } as JsonObject;
  } catch {
    throw bad('config is no JSON object');
  }
}
