import { describe, expect, it } from 'vitest';
import { createEvent, createJob, createRecordingContext, type RecordingContext } from '#sdk/testing';
import routing from '../src/index.ts';

const TYPE = 'magflock.tenancy.tenant_erased';
const tell = (tenant: string, ctx: RecordingContext) =>
  routing.events[TYPE](createEvent(TYPE, { tenant }), ctx);
const requestIn = (tenantId: string) => ({
  ...{ tenantId, env: 'prod', principal: null, membership: null, mode: null },
  traceId: '0af7651916cd43dd8448eb211c80319c',
});
const statements = ({ calls }: RecordingContext) =>
  calls.filter(({ name }) => name === 'db.query').map(({ args }) => String(args[0]));

describe('the erasure of a tenant', () => {
  it('is on record when the control plane says so', async () => {
    const ctx = createRecordingContext();
    await tell('t_a', ctx);
    expect(ctx.calls[0]).toMatchObject({ args: [expect.stringContaining('INTO erasures'), ['t_a']] });
  });

  it('is not believed when a tenant says so, and is never that of t_system', async () => {
    const ctx = createRecordingContext({ request: requestIn('t_b') });
    await tell('t_a', ctx);
    expect(statements(ctx)).toEqual([]);
    for (const tenant of ['t_system', 'x'])
      await expect(tell(tenant, createRecordingContext())).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });

  it('is not over while a store is not connected, but goes on in the others', async () => {
    const gone = Object.assign(new Error('there is no store away'), { code: 'E_STORE_UNKNOWN' });
    const ctx = createRecordingContext({
      request: requestIn('t_a'),
      query: (sql) => {
        if (sql.includes('FROM erasures')) return { rows: [{}] };
        const leftovers = ['away', 'here'].map((store) => ({ prefix: `of-${store}`, store }));
        return { rows: sql.includes('FROM leftovers l') ? leftovers : [] };
      },
    });
    const use = ctx.stores.use.bind(ctx.stores);
    await use('here').set('of-here/k', 1);
    Object.assign(ctx.stores, {
      use: (name: string) =>
        name === 'here' ? use(name) : { ...use(name), list: () => Promise.reject(gone) },
    });
    await expect(routing.jobs.move(createJob('move', null), ctx)).rejects.toBe(gone);
    expect(await use('here').list()).toEqual([]);
    const removed = ctx.calls.filter(({ args }) => String(args[0]).startsWith('DELETE FROM leftovers'));
    expect(removed.map(({ args }) => args[1])).toEqual([['of-here']]);
    expect(statements(ctx).some((sql) => sql.startsWith('DELETE FROM entries'))).toBe(false);
  });
});
