import type { Context, EndpointUsage, Json } from '#sdk';

/** One row for each version, route and status, however often it is called. */
export async function recordCall(usage: EndpointUsage, ctx: Context): Promise<void> {
  await ctx.db.query(
    `INSERT INTO calls (version, route, status, times, milliseconds) VALUES ($1, $2, $3, 1, $4)
     ON CONFLICT (version, route, status) DO UPDATE
       SET times = calls.times + 1, milliseconds = calls.milliseconds + excluded.milliseconds`,
    [usage.version, usage.route, usage.status, usage.durationMs],
  );
}

export async function listCalls(ctx: Context): Promise<Record<string, Json>[]> {
  const { rows } = await ctx.db.query(
    `SELECT version, route, status, times::int AS times, round((milliseconds / times)::numeric, 3)::float AS mean_ms
     FROM calls ORDER BY route, version, status`,
  );
  return rows;
}
