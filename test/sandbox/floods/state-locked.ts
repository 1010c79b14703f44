import { until } from '../../support/host.ts';
import { attack } from '../harness.ts';

const TYPE = 'mallory.attacker.woken';

// The state stays locked until the transaction of the event ends: only the extension itself waits for it.
export default attack({
  name: 'writers that wait for state its own transaction holds',
  capabilities: [
    { name: 'api.emit_events', reason: 'Wakes itself.' },
    { name: 'realtime.subscribe_events', reason: 'Is woken.' },
  ],
  contributes: {
    events: {
      publishes: [{ type: TYPE, schema: 'schemas/woken.json' }],
      subscribes: [{ type: TYPE, delivery: 'transactional' }],
    },
  },
  files: { 'schemas/woken.json': '{"type":"object"}' },
  endpoints: ['GET /write'],
  top: 'let locked = () => {}; const held = new Promise((resolve) => { locked = resolve; });',
  handlers: `'GET /write': async (request, ctx) => {
    await held;
    return { body: await ctx.state.set('a', 1).then(() => 'written', (error) => error.code) };
  },`,
  handler: `async (request, ctx) => {
    await ctx.events.publish('${TYPE}', {});
    await held;
    return { body: 'held' };
  }`,
  members: `events: { '${TYPE}': async (event, ctx) => {
    await ctx.state.set('a', 0);
    locked();
    await new Promise((resolve) => setTimeout(resolve, 4_500));
  } },`,
  call: async ({ visit, host }) => {
    let settled = 0;
    // They wait in the cell: how long their way is takes nothing from the time the state is locked.
    const writes = Array.from({ length: 24 }, () => visit('write').finally(() => settled++));
    const attacking = visit('attack');
    const waiting = async () => {
      const { rows } = await host.database.pool.query(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
      );
      return rows[0].n;
    };
    await until(waiting, (n) => n >= 3);
    const listed = await host.ask('GET', '/v1/extensions');
    const whenListed = settled;
    const codes = new Set((await Promise.all(writes)).map(({ body }) => body));
    const isKnown = [...codes].every((code) => ['written', 'E_DB_TIMEOUT'].includes(String(code)));
    const answer = await attacking;
    return { ...answer, body: [answer.body, listed.status, whenListed, isKnown] };
  },
  expect: { body: ['held', 200, 0, true] },
});
