import { describe, expect, it } from 'vitest';
import { createRecordingContext } from '#sdk/testing';
import edge from '../src/index.ts';
import { refuseOverPlan } from '../src/plans.ts';

const { endpoints, hooks } = edge;
const request = (celsius: string) => ({
  method: 'GET',
  path: `/fahrenheit/${celsius}`,
  params: { celsius },
  query: {},
  headers: { 'x-edge-trace': 'abc' },
  body: null,
});
const asked = (id: string, role: string) => ({
  principal: { id, name: id, role },
  tenantId: 't_acme',
  method: 'GET',
  path: '/x/example/edge/fahrenheit/1',
  extension: 'example/edge',
  version: 1,
  route: '/fahrenheit/:celsius',
  auth: 'user',
});

describe('the endpoints', () => {
  it('answer in the form of their version', () => {
    const headers = { 'x-trace': 'abc' };
    expect(endpoints['GET /fahrenheit/:celsius'](request('-40'))).toEqual({ headers, body: '-40 °F' });
    expect(endpoints['v2 GET /fahrenheit/:celsius'](request('36.6'))).toEqual({
      headers,
      body: { degrees: 97.88, unit: 'F' },
    });
  });

  it('refuse what is no number', () => {
    expect(endpoints['GET /fahrenheit/:celsius'](request('warm'))).toMatchObject({ status: 400 });
  });

  it('list the calls that were told of', async () => {
    const row = { version: 1, route: '/calls', status: 200, times: 2, mean_ms: 1.5 };
    const ctx = createRecordingContext({ query: () => ({ rows: [row] }) });
    expect(await endpoints['GET /calls'](request(''), ctx)).toEqual({ body: { calls: [row] } });
  });
});

describe('the plans', () => {
  const ctx = createRecordingContext({ config: { callsPerMinute: { user: 2 } } });
  const calls = (times: number, id: string, role: string, nowMs: number) =>
    Array.from({ length: times }, () => {
      try {
        refuseOverPlan(asked(id, role), ctx, nowMs);
        return 'passed';
      } catch (error) {
        return (error as { code: string }).code;
      }
    });

  it('count by principal, minute by minute', () => {
    expect(calls(3, 'a', 'user', 60_000)).toEqual(['passed', 'passed', 'PLAN_EXCEEDED']);
    expect(calls(1, 'b', 'user', 60_000)).toEqual(['passed']);
    expect(calls(1, 'a', 'user', 119_999)).toEqual(['PLAN_EXCEEDED']);
    expect(calls(1, 'a', 'user', 120_000)).toEqual(['passed']);
  });

  it('leave alone who has none', () => {
    expect(calls(5, 'c', 'owner', 60_000)).toEqual(Array(5).fill('passed'));
    expect(() => refuseOverPlan({ ...asked('', ''), principal: null }, ctx, 0)).not.toThrow();
  });
});

describe('the other hooks', () => {
  it('stamp requests and answers, and leave the rest of them alone', () => {
    const context = {
      tenantId: 't_acme',
      env: 'prod',
      principal: null,
      membership: null,
      mode: null,
      traceId: 'abc',
    };
    const ctx = createRecordingContext({ request: context });
    const seen = { method: 'GET', path: '/x', query: { a: '1' }, headers: { b: '2' } };
    expect(hooks['maggate.wrap_request'](seen, ctx)).toEqual({
      ...seen,
      headers: { b: '2', 'x-edge-trace': 'abc' },
    });
    const response = { status: 201, headers: { c: '3' }, body: 1 };
    expect(hooks['maggate.transform_response'](response)).toEqual({
      ...response,
      headers: { c: '3', 'x-edge': 'seen' },
    });
  });

  it('record a call in one statement', async () => {
    const ctx = createRecordingContext();
    const usage = {
      ...{
        extension: 'example/edge',
        version: 2,
        method: 'GET',
        route: '/calls',
        status: 429,
        durationMs: 1.25,
      },
      ...{ requestBytes: 0, responseBytes: null, principal: null, tenantId: 't_acme', traceId: 'abc' },
      at: '2026-11-21T00:00:00.000Z',
    };
    await hooks['maggate.usage_analytics_emitter'](usage, ctx);
    expect(ctx.calls).toEqual([
      { name: 'db.query', args: [expect.stringContaining('INSERT INTO calls'), [2, '/calls', 429, 1.25]] },
    ]);
  });
});
