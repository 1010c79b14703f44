import type { Context, JsonObject } from '#sdk';
import { streamsOf } from './copy.ts';
import { readPlaced } from './data.ts';
import { codeOf } from './failures.ts';
import { type Scope, tenantOf } from './scope.ts';

const PAGE = 200;
/** Of lines that are sent together; a piece has 700 kB at most. */
const PIECE_CHARS = 100_000;

/** Whose data it is, and of what. */
interface Place extends Scope {
  readonly caller: string;
}
type Row = Place & { readonly id: string };

/**
 * All that is kept for the tenant of the request: a line of JSON for each key and each entry of a stream. Data may be
 * moved meanwhile: each page is read of one place, and a copy has what it is a copy of in the same order.
 */
export async function* exportOf(ctx: Context): AsyncGenerator<string> {
  for (let after: string | null = null; ; ) {
    const { rows }: { rows: Row[] } = await ctx.db.query<Row>(
      `SELECT id, caller, kind, surface, app, project FROM placements
       WHERE tenant = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3`,
      [tenantOf(ctx), after, PAGE],
    );
    for (const { id, ...place } of rows) {
      yield* keysOf(ctx, place);
      yield* entriesOf(ctx, place);
      after = id;
    }
    if (rows.length < PAGE) return;
  }
}

async function* keysOf(ctx: Context, place: Place): AsyncGenerator<string> {
  for (let [after, limit] = ['', PAGE]; ; ) {
    const page = await readPlaced(ctx, place.caller, place, async (store, prefix) => {
      const options = { prefix, limit, ...(after === '' ? {} : { after: prefix + after }) };
      return (await store.list(options)).map(({ key, ...entry }) => ({
        key: key.slice(prefix.length),
        ...entry,
      }));
    }).catch((failure: unknown) => {
      if (codeOf(failure) !== 'TOO_LARGE' || limit === 1) throw failure;
      return null;
    });
    if (page === null) limit = Math.ceil(limit / 4);
    else if (page.length === 0) return;
    else {
      yield* pieces(place, page);
      after = page.at(-1)?.key ?? after;
    }
  }
}

async function* entriesOf(ctx: Context, place: Place): AsyncGenerator<string> {
  const streams = await readPlaced(ctx, place.caller, place, (store, prefix) => streamsOf({ store, prefix }));
  for (const stream of streams.keys()) {
    for (let after = 0; ; ) {
      const page = await readPlaced(ctx, place.caller, place, (store, prefix) =>
        store.read(prefix + stream, { after, limit: PAGE }),
      );
      if (page.length === 0) break;
      yield* pieces(
        place,
        page.map((entry) => ({ stream, ...entry })),
      );
      after = page.at(-1)?.id ?? after;
    }
  }
}

function* pieces({ caller, kind, ...scope }: Place, rows: readonly JsonObject[]): Generator<string> {
  const whose = {
    ...{ caller, kind },
    ...{ surface: scope.surface || null, app: scope.app || null, project: scope.project || null },
  };
  let piece = '';
  for (const row of rows) {
    const line = `${JSON.stringify({ ...whose, ...row })}\n`;
    if (piece !== '' && piece.length + line.length > PIECE_CHARS) {
      yield piece;
      piece = '';
    }
    piece += line;
  }
  yield piece;
}
