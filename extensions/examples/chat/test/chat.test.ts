import { describe, expect, it } from 'vitest';
import { createRecordingContext } from '#sdk/testing';
import chat from '../src/index.ts';

const { onMessage } = chat.channels.room;
const ada = { id: 'c1', principal: { id: 'token:1', name: 'Ada', role: 'user' } };
const request = (body: string | null) => ({
  method: 'POST',
  path: '/announcements',
  params: {},
  query: {},
  headers: {},
  body,
});

describe('the chat', () => {
  it('sends to all what one says, in their own name', async () => {
    const ctx = createRecordingContext();
    expect(await onMessage({ client: ada, data: ' hello ' }, ctx)).toEqual({ sequence: 1 });
    expect(ctx.calls).toEqual([
      { name: 'realtime.broadcast', args: ['room', { from: 'Ada', text: 'hello' }] },
    ]);
  });

  it.each([7, null, { from: 'Bob', text: 'hi' }, '  ', 'x'.repeat(1_001)])(
    'takes words only: %j',
    async (data) => {
      const ctx = createRecordingContext();
      await expect(onMessage({ client: ada, data }, ctx)).rejects.toThrow(/say it in/);
      expect(ctx.calls).toEqual([]);
    },
  );

  it('announces what programs have to say, and tells how many are there', async () => {
    const ctx = createRecordingContext({ presence: { room: ['token:1', 'token:2'] } });
    expect(await chat.endpoints['POST /announcements'](request('lunch'), ctx)).toEqual({
      status: 201,
      body: { sequence: 1, there: 2 },
    });
  });
});
