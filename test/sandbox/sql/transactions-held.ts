import { attack } from '../harness.ts';

// Twenty calls want a transaction each and never end it; a statement outside of one still finds a connection.
export default attack({
  name: 'transactions that are held open',
  capabilities: [{ name: 'database.read', reason: 'Reads.' }],
  endpoints: ['GET /hold'],
  limits: { wallMs: 8_000 },
  handlers: `'GET /hold': async (request, ctx) => {
    await ctx.db.transaction(async (tx) => {
      await tx.query('select 1');
      await new Promise(() => {});
    });
  },`,
  handler: `async (request, ctx) => ({ body: (await ctx.db.query('select 1 as one')).rows })`,
  call: async ({ visit }) => {
    const holds = Array.from({ length: 20 }, () => visit('hold'));
    const answer = await visit('attack');
    const codes = new Set((await Promise.all(holds)).map(({ body }) => body.code));
    // Who had one ran over its time, the others waited for one in vain.
    const again = await visit('attack');
    return { ...answer, body: [answer.body, [...codes].sort(), again.body] };
  },
  expect: { body: [[{ one: 1 }], ['E_DB_TIMEOUT', 'E_LIMIT_WALL'], [{ one: 1 }]] },
});
