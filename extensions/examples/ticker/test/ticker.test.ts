import { describe, expect, it } from 'vitest';
import { createRecordingContext } from '#sdk/testing';
import ticker from '../src/index.ts';

const { endpoints } = ticker;
const request = { method: 'GET', path: '/', params: {}, query: {}, headers: {}, body: null };
const context = () => createRecordingContext({ config: { everyMs: 10 } });
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('the stream', () => {
  it('has an event for each tick, with the prices of its moment', async () => {
    const ctx = context();
    const { headers, body } = endpoints['GET /ticks']({ ...request, query: { count: '2' } }, ctx);
    expect(headers['content-type']).toBe('text/event-stream');
    const events: string[] = [];
    for await (const event of body) {
      events.push(event);
      await ctx.state.set('prices', { tea: 3 });
    }
    expect(events).toEqual(['id: 1\nevent: tick\ndata: {}\n\n', 'id: 2\nevent: tick\ndata: {"tea":3}\n\n']);
  });

  it('does not wait for its next tick when nobody listens any more', async () => {
    const ctx = createRecordingContext({ config: { everyMs: 1_000_000 } });
    const { body } = endpoints['GET /ticks'](request, ctx);
    await body.next();
    const next = body.next();
    ctx.abort();
    expect((await next).done).toBe(false);
  });
});

describe('the upload', () => {
  const file = {
    name: 'list',
    filename: 'p.csv',
    type: 'text/csv',
    sizeBytes: 1,
    content: base64('tea,3.50\nmilk,1'),
  };

  it.each([{ body: { fields: {}, files: [file] } }, { rawBody: base64('tea,3.50\r\nmilk,1\n') }])(
    'takes a list of prices',
    async (more) => {
      const ctx = context();
      expect(await endpoints['POST /prices']({ ...request, ...more }, ctx)).toEqual({
        status: 201,
        body: { prices: 2 },
      });
      expect(await endpoints['GET /prices'](request, ctx)).toEqual({
        body: { prices: { tea: 3.5, milk: 1 } },
      });
    },
  );

  it.each([
    {},
    { body: { fields: {}, files: [] } },
    { rawBody: '' },
    { rawBody: base64('tea;3') },
    { rawBody: base64('tea,-1') },
  ])('refuses what is none: %j', async (more) => {
    const ctx = context();
    expect((await endpoints['POST /prices']({ ...request, ...more }, ctx)).status).toBe(400);
    expect(ctx.calls).toEqual([]);
  });
});

describe('the webhook', () => {
  it('counts pushes and nothing else', async () => {
    const ctx = context();
    for (const event of ['push', 'ping', 'push'])
      await endpoints['POST /github']({ ...request, headers: { 'x-github-event': event } }, ctx);
    expect(await endpoints['GET /pushes'](request, ctx)).toEqual({ body: { pushes: 2 } });
  });
});
