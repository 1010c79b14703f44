import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { bearer, createTestGateway, type TestGateway } from './test-gateway.ts';
import { v7 } from './uuid.ts';

let gateway: TestGateway;
let url: string;
beforeAll(async () => {
  gateway = await createTestGateway();
  url = await gateway.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => gateway[Symbol.asyncDispose]());

interface Seen {
  readonly event: string;
  readonly id: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  readonly data: any;
}

/** A client of a stream: what it saw, until it is cancelled or the stream ends. */
async function follow(path: string, role: 'owner' | 'operator' | 'author' = 'operator', at = url) {
  const client = new AbortController();
  const headers = { ...bearer(gateway.tokens[role]), accept: 'text/event-stream' };
  const response = await fetch(at + path, { headers, signal: client.signal });
  const seen: Seen[] = [];
  const ended = read(response, seen).catch((error: unknown) => {
    if (!client.signal.aborted) throw error;
  });
  const stream = { response, seen, ended, cancel: () => client.abort() };
  open.push(stream);
  return stream;
}

const open: { cancel(): void }[] = [];
afterEach(() => {
  for (const stream of open.splice(0)) stream.cancel();
});

async function read(response: Response, seen: Seen[]): Promise<void> {
  let text = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string) =>
        block
          .split('\n')
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2);
      const data = field('data');
      if (data !== undefined)
        seen.push({ event: field('event') ?? '', id: field('id'), data: JSON.parse(data) });
    }
  }
}

const soon = { timeout: 30_000, interval: 20 };

async function append(component: string, ...types: string[]): Promise<string[]> {
  const events = types.map((event_type) => ({
    event_id: v7(),
    event_type,
    schema_version: 1,
    timestamp: new Date().toISOString(),
    source: { component, extension: null },
    data: { n: 1 },
    context: {},
    capabilities_required: [],
  }));
  await gateway.stores.events.append(events);
  return events.map(({ event_id }) => event_id);
}

describe('an operation', () => {
  it('streams its steps as they happen and ends with it', async () => {
    const started = await gateway.inject('operator', {
      method: 'POST',
      url: '/v1/extensions/acme/hello/enable',
    });
    const { operation } = started.json();
    await gateway.operator.step(operation, 'load configuration', 'done');
    const stream = await follow(`/v1/operations/${operation}/events`);
    expect(stream.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(stream.response.headers.get('traceparent')).toMatch(/^00-/);
    await expect.poll(() => stream.seen.length, soon).toBe(1);
    await gateway.operator.step(operation, 'start', 'running');
    await expect.poll(() => stream.seen.length, soon).toBe(2);
    await gateway.operator.step(operation, 'start', 'done');
    await gateway.operator.end(operation);
    await stream.ended;
    expect(stream.seen.map(({ event, data }) => [event, data.name ?? data.state, data.state])).toEqual([
      ['step', 'load configuration', 'done'],
      ['step', 'start', 'running'],
      ['step', 'start', 'done'],
      ['end', 'succeeded', 'succeeded'],
    ]);
    expect(gateway.operator.listeners).toBe(0);
  });

  it('is waited for with ?wait', async () => {
    const started = await gateway.inject('operator', {
      method: 'POST',
      url: '/v1/extensions/acme/hello/disable',
    });
    const { operation } = started.json();
    const now = (await gateway.inject('author', { url: `/v1/operations/${operation}` })).json();
    expect(now).toMatchObject({ id: operation, kind: 'disable', extension: 'acme/hello', state: 'running' });
    expect(now).not.toHaveProperty('error');
    expect(now).not.toHaveProperty('input');
    const waiting = gateway.inject('author', { url: `/v1/operations/${operation}?wait=30` });
    await gateway.operator.end(operation);
    expect((await waiting).json().state).toBe('succeeded');
    const tooLong = await gateway.inject('author', { url: `/v1/operations/${operation}?wait=61` });
    expect(tooLong.json().code).toBe('E_BAD_REQUEST');
    for (const path of ['', '/events']) {
      const missing = await gateway.inject('author', { url: `/v1/operations/${v7()}${path}` });
      expect(missing.json().code).toBe('E_NOT_FOUND');
    }
  });
});

describe('events', () => {
  it('are followed from now on, each once and in order within a component', async () => {
    await append('kernel', 'extension.installed');
    const stream = await follow('/v1/events');
    const ids = await append('kernel', 'extension.enabled', 'extension.disabled');
    const other = await append('a-new-component', 'acme.hello.greeted');
    await expect.poll(() => stream.seen.length, soon).toBe(3);
    const later = await append('kernel', 'extension.error');
    await expect.poll(() => stream.seen.length, soon).toBe(4);
    const kernel = stream.seen.filter(({ data }) => data.source.component === 'kernel').map(({ id }) => id);
    expect(kernel).toEqual([...ids, ...later]);
    expect(stream.seen.map(({ id }) => id)).toEqual(expect.arrayContaining(other));
  });

  it('are filtered by type and component', async () => {
    const byType = await follow('/v1/events?type=extension.error');
    const byComponent = await follow('/v1/events?component=maggate');
    await append('kernel', 'extension.enabled', 'extension.error');
    await append('maggate', 'api.request.received');
    await expect.poll(() => [byType.seen.length, byComponent.seen.length], soon).toEqual([1, 1]);
    expect(byType.seen[0]?.event).toBe('extension.error');
    expect(byComponent.seen[0]?.event).toBe('api.request.received');
  });

  it('are sent again from the one the client saw last', async () => {
    const [first, ...rest] = await append(
      'kernel',
      'extension.enabled',
      'extension.disabled',
      'extension.error',
    );
    const stream = await follow(`/v1/events?after=${first}`);
    await expect.poll(() => stream.seen.length, soon).toBe(2);
    const more = await append('kernel', 'extension.installed');
    await expect.poll(() => stream.seen.map(({ id }) => id), soon).toEqual([...rest, ...more]);
  });

  it('are read newest first', async () => {
    const ids = await append('kernel', 'extension.enabled', 'extension.disabled');
    const { events, next } = (await gateway.inject('operator', { url: '/v1/events?limit=2' })).json();
    expect(events.map((event: { event_id: string }) => event.event_id)).toEqual(ids.toReversed());
    const [after] = await append('kernel', 'extension.error');
    const newer = (await gateway.inject('operator', { url: next })).json().events;
    expect(newer.map((event: { event_id: string }) => event.event_id)).toEqual([after]);
  });

  it('are published', async () => {
    const eventId = v7();
    const payload = { type: 'acme.hello.greeted', data: { id: '7' }, eventId };
    const answer = await gateway.inject('operator', { method: 'POST', url: '/v1/events', payload });
    expect([answer.statusCode, answer.json()]).toEqual([201, { eventId, sequence: 7 }]);
    expect(gateway.operator.asked.at(-1)).toMatchObject({
      what: 'publish',
      with: payload,
      by: { tenant: 't_system' },
    });
    for (const wrong of [
      {},
      { type: 'a.b' },
      { type: 'A', data: 1 },
      { type: 'a.b', data: 1, eventId: '1' },
    ]) {
      const refused = await gateway.inject('operator', { method: 'POST', url: '/v1/events', payload: wrong });
      expect(refused.json().code).toBe('E_BAD_REQUEST');
    }
  });
});

describe('logs', () => {
  const write = (message: string) =>
    gateway.stores.logs.write({
      at: new Date(),
      extension: 'acme/hello',
      level: 'info',
      message,
      fields: {},
      traceId: null,
    });

  it('are read newest last, and on from a line', async () => {
    for (const message of ['one', 'two', 'three']) write(message);
    await gateway.stores.logs.flush();
    const path = '/v1/extensions/acme/hello/logs';
    const { lines, next } = (await gateway.inject('author', { url: `${path}?limit=2` })).json();
    expect(lines.map(({ message }: { message: string }) => message)).toEqual(['two', 'three']);
    write('four');
    await gateway.stores.logs.flush();
    const more = (await gateway.inject('author', { url: next })).json().lines;
    expect(more.map(({ message }: { message: string }) => message)).toEqual(['four']);
    const missing = await gateway.inject('author', { url: '/v1/extensions/acme/nothing/logs' });
    expect(missing.json().code).toBe('E_NOT_FOUND');
  });

  it('are followed from now on', async () => {
    write('before');
    await gateway.stores.logs.flush();
    const stream = await follow('/v1/extensions/acme/hello/logs', 'author');
    write('after');
    await expect.poll(() => stream.seen.map(({ data }) => data.message), soon).toEqual(['after']);
    expect(stream.seen[0]?.id).toMatch(/^\d+$/);
  });
});

describe('streams', () => {
  it('ask for rights before they open', async () => {
    expect((await follow('/v1/events', 'author')).response.status).toBe(403);
  });

  it('stop their work when the client goes away', async () => {
    const started = await gateway.inject('operator', {
      method: 'POST',
      url: '/v1/extensions/acme/hello/enable',
    });
    const stream = await follow(`/v1/operations/${started.json().operation}/events`);
    await expect.poll(() => gateway.operator.listeners, soon).toBe(1);
    stream.cancel();
    await expect.poll(() => gateway.operator.listeners, soon).toBe(0);
    await gateway.operator.end(started.json().operation);
  });

  it('and waiting requests end with the host', async () => {
    const own = await createTestGateway();
    const asked = vi.spyOn(own.operator, 'operation');
    const at = await own.app.listen({ host: '127.0.0.1', port: 0 });
    const headers = { ...bearer(own.tokens.owner), accept: 'text/event-stream' };
    const events = await fetch(`${at}/v1/events`, { headers });
    const started = await own.inject('operator', { method: 'POST', url: '/v1/extensions/acme/hello/enable' });
    const waiting = fetch(`${at}/v1/operations/${started.json().operation}?wait=60`, {
      headers: bearer(own.tokens.owner),
    });
    await expect.poll(() => asked.mock.calls.length, soon).toBeGreaterThan(0); // it waits by now
    const closed = own.app.close();
    await expect(events.text()).resolves.toContain(': open'); // ended cleanly, not cut off
    expect(((await (await waiting).json()) as { state: string }).state).toBe('running');
    await closed;
    await own[Symbol.asyncDispose]();
  });
});
