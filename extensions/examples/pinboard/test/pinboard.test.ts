import { describe, expect, it } from 'vitest';
import { createRecordingContext } from '#sdk/testing';
import pinboard from '../src/index.ts';

const { endpoints } = pinboard;
const request = (body: unknown) => ({
  method: 'POST',
  path: '/pins',
  params: {},
  query: {},
  headers: {},
  body,
});

describe('the pinboard', () => {
  it('keeps notes', async () => {
    const ctx = createRecordingContext();
    const pinned = await endpoints['POST /pins'](request({ text: 'Milk' }) as never, ctx);
    expect(pinned).toEqual({ status: 201, body: { pins: [{ text: 'Milk', by: 'somebody' }] } });
    expect(await endpoints['GET /pins'](request(null) as never, ctx)).toEqual({ body: pinned.body });
  });

  it.each([{ text: ' ' }, { text: 7 }, null, 'text', { text: 'x'.repeat(501) }])(
    'refuses %j',
    async (body) => {
      const ctx = createRecordingContext();
      expect((await endpoints['POST /pins'](request(body) as never, ctx)).status).toBe(400);
    },
  );
});
