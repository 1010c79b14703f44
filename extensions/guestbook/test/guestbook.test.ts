import { describe, expect, it } from 'vitest';
import { createRecordingContext } from '#sdk/testing';
import guestbook from '../src/index.ts';

const request = { method: 'POST', path: '/entries', params: {}, query: {}, headers: {}, body: null };
const { endpoints, events, hooks } = guestbook;

describe('the guestbook', () => {
  it('signs, and tells the bus', async () => {
    const ctx = createRecordingContext({
      config: { maxLength: 10 },
      query: () => ({ rows: [{ id: 'one' }] }),
    });
    const answer = await endpoints['POST /entries'](
      { ...request, body: { name: 'Ada', message: 'hi' } },
      ctx,
    );
    expect(answer).toEqual({ status: 201, body: { id: 'one' } });
    expect(ctx.calls.at(-1)).toEqual({
      name: 'events.publish',
      args: ['magflock.guestbook.signed', { id: 'one', name: 'Ada' }, {}],
    });
  });

  it.each([null, 'text', {}, { name: '', message: 'hi' }, { name: 'Ada', message: 'far too long' }])(
    'refuses %j and writes nothing',
    async (body) => {
      const ctx = createRecordingContext({ config: { maxLength: 10 } });
      expect((await endpoints['POST /entries']({ ...request, body }, ctx)).status).toBe(400);
      expect(ctx.calls).toEqual([]);
    },
  );

  it('counts an event once, however often it is delivered', async () => {
    const ctx = createRecordingContext();
    const event = {
      event_id: 'e1',
      event_type: 'magflock.guestbook.signed',
      schema_version: 1,
      timestamp: '2026-11-21T00:00:00.000Z',
      source: { component: 'extension', extension: 'magflock/guestbook' },
      sequence: 1,
      data: {},
      context: {},
    };
    await events['magflock.guestbook.signed'](event, ctx);
    await events['magflock.guestbook.signed'](event, ctx);
    expect(await endpoints['GET /signatures'](request, ctx)).toEqual({ body: { signatures: 1 } });
  });

  it('stamps requests and leaves the rest of them alone', () => {
    const wrap = hooks['maggate.wrap_request'];
    const seen = { method: 'GET', path: '/x', query: { a: '1' }, headers: { b: '2' } };
    expect(wrap(seen)).toEqual({ ...seen, headers: { b: '2', 'x-guestbook': 'seen' } });
  });
});
