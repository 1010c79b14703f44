import { describe, expect, it } from 'vitest';
import type { Json, RequestInfo } from '#sdk';
import { createRecordingContext, createRequest } from '#sdk/testing';
import threads from '../src/index.ts';

const { endpoints } = threads;
const by = (id: string): RequestInfo => ({
  tenantId: 't_acme',
  env: 'prod',
  principal: { id, name: id, role: 'user' },
  membership: { tenantId: 't_acme', roles: ['user'] },
  mode: null,
  traceId: '0'.repeat(32),
});

/** Routing as far as a thread needs it. */
function played(members: readonly string[] | null, swapped = true) {
  return (_id: string, method: string, params: Json): Json => {
    if (method === 'kvGet') return members === null ? null : { value: { members: [...members] }, version: 3 };
    if (method === 'kvCompareAndSet')
      return { swapped, version: (params as { version: number }).version + 1 };
    return method === 'busRead' ? { entries: [] } : { id: 1, version: 1 };
  };
}

const ask = (as: string, members: readonly string[] | null, swapped?: boolean) =>
  createRecordingContext({ request: by(as), call: played(members, swapped) });
const say = (body: Json) => createRequest({ method: 'POST', params: { thread: 't' }, body });

describe('a thread', () => {
  it('has whoever began it among its members', async () => {
    const ctx = ask('user:ada', null);
    const answer = await endpoints['POST /threads'](
      createRequest({ body: { members: ['user:bob', 'user:ada'] } }),
      ctx,
    );
    expect(answer).toMatchObject({ status: 201, body: { members: ['user:ada', 'user:bob'] } });
    expect(ctx.calls[0]?.args.slice(0, 2)).toEqual(['magflock/routing', 'kvSet']);
  });

  it.each([[null], [['user:bob']]])('is closed to others: members %j', async (members) => {
    for (const endpoint of ['POST /threads/:thread/messages', 'PUT /threads/:thread/members'] as const) {
      const ctx = ask('user:ada', members);
      expect(await endpoints[endpoint](say({ text: 'hi', members: ['user:ada'] }), ctx)).toMatchObject({
        status: 403,
      });
      expect(ctx.calls.map(({ args }) => args[1])).toEqual(['kvGet']);
    }
    expect(
      await endpoints['GET /threads/:thread/messages'](say(null), ask('user:ada', members)),
    ).toMatchObject({
      status: 403,
    });
  });

  it('has messages in the name of those who wrote them', async () => {
    const ctx = ask('user:ada', ['user:ada']);
    const answer = await endpoints['POST /threads/:thread/messages'](
      say({ text: ' hi ', from: 'user:bob' }),
      ctx,
    );
    expect(answer).toMatchObject({ status: 201 });
    expect(ctx.calls[1]?.args[2]).toEqual({
      kind: 'chat_bus',
      stream: 'thread:t',
      value: { from: 'user:ada', text: 'hi' },
    });
  });

  it('tells who changes its members that somebody else did', async () => {
    const put = (swapped: boolean) =>
      endpoints['PUT /threads/:thread/members'](
        say({ members: ['user:ada'] }),
        ask('user:ada', ['user:ada'], swapped),
      );
    expect([(await put(true)).status, (await put(false)).status]).toEqual([undefined, 409]);
  });

  it.each([[{}], [{ text: ' ' }], [{ text: 7 }], ['hi'], [{ text: 'x'.repeat(2_001) }]])(
    'takes no %j',
    async (body) => {
      const answer = await endpoints['POST /threads/:thread/messages'](
        say(body),
        ask('user:ada', ['user:ada']),
      );
      expect(answer).toMatchObject({ status: 400 });
    },
  );
});
