import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

const ID = 'acme/streamer';
const CAPABILITY = 'api.register_endpoint';

/** Streams the seconds until somebody leaves, and notes in its state when they did. */
const source = (version: string) => ({
  manifest: {
    ...serving('streamer', [
      'GET /ticks',
      'GET /silent',
      'GET /breaks',
      'GET /left',
      'GET /version',
      'GET /rogue',
    ]),
    version,
    limits: { wallMs: 5_000 },
  },
  code: `
  const pause = () => new Promise((resolve) => setTimeout(resolve, 30));
  async function* ticks(ctx) {
    try {
      for (let n = 0; ; n++) { yield 'data: ${version} ' + n + '\\n\\n'; await pause(); }
    } finally { await ctx.state.set('left', ctx.signal.aborted); }
  }
  async function* silent() { yield 'a'; await new Promise(() => {}); }
  async function* breaks() { yield 'a'; throw new Error('secret'); }
  const sse = { 'content-type': 'text/event-stream' };
  export default { endpoints: {
    'GET /ticks': async (_request, ctx) => ({ headers: sse, body: ticks(ctx) }),
    'GET /silent': async () => ({ body: silent() }),
    'GET /breaks': async () => ({ body: breaks() }),
    'GET /left': async (_request, ctx) => ({ body: { left: await ctx.state.get('left') } }),
    'GET /version': async () => ({ body: '${version}' }),
    'GET /rogue': async (_request, ctx) => ctx.db.query('select 1'),
  } };`,
});

describe('a stream of an extension', () => {
  let host: TestHost;
  let author: Author;

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.trust(author);
    await host.run(await author.publish(source('1.0.0')));
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  async function listen(path: string) {
    const response = await fetch(`${host.url}/x/${ID}${path}`, {
      headers: { authorization: `Bearer ${host.token}` },
    });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const next = async () => Buffer.from((await reader.read()).value ?? []).toString();
    /** Resolves when the connection was cut; fails when the answer ended well. */
    const cut = async () => {
      for (;;) {
        const read = await reader.read().catch((error: Error) => error);
        if (read instanceof Error) return;
        if (read.done) throw new Error('it ended as if it were whole');
      }
    };
    return { response, next, cut, leave: () => reader.cancel() };
  }
  /** Fails unless it happens soon: within a second, and some for a busy machine. Of itself none of it would end. */
  const soon = (event: Promise<void>) =>
    Promise.race([
      event,
      new Promise((_resolve, reject) => setTimeout(() => reject(new Error('too late')), 20_000)),
    ]);
  const grant = () => host.ask('PUT', `/v1/extensions/${ID}/grants/${CAPABILITY}`, { body: {} });

  it('reaches the client as it is made, and ends when the client leaves', async () => {
    const stream = await listen('/ticks');
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream');
    expect(await stream.next()).toMatch(/^data: 1\.0\.0 0\n\n/);
    expect(await stream.next()).toMatch(/^data: 1\.0\.0 \d+\n\n/);
    await stream.leave();
    const left = async () => (await host.ask('GET', `/x/${ID}/left`)).body.left;
    expect(await until(left, (value) => value !== null)).toBe(true);
  });

  it.each(['/silent', '/breaks'])('of %s is cut off, not ended', async (path) => {
    const stream = await listen(path);
    expect(await stream.next()).toBe('a');
    await stream.cut();
  });

  it('is cut when its capability is revoked, and only then', async () => {
    const stream = await listen('/ticks');
    await stream.next();
    await grant();
    expect(await stream.next()).toContain('data:');
    await host.ask('DELETE', `/v1/extensions/${ID}/grants/${CAPABILITY}`);
    await soon(stream.cut());
    expect((await host.ask('GET', `/x/${ID}/ticks`)).body.code).toBe('E_CAP_REVOKED');
    await grant();
  });

  it('is cut when the extension is disabled, which does not wait for it', async () => {
    const stream = await listen('/ticks');
    await stream.next();
    const [operation] = await Promise.all([host.operate(ID, 'disable'), soon(stream.cut())]);
    expect(operation.body.state).toBe('succeeded');
    await host.operate(ID, 'enable');
  });

  it('goes on where it began while an upgrade lets it end', async () => {
    const stream = await listen('/ticks');
    await stream.next();
    const next = await author.publish(source('1.1.0'));
    await host.stage(next);
    const upgrade = host.operate(ID, 'upgrade', { version: '1.1.0' });
    const version = async () => (await host.ask('GET', `/x/${ID}/version`)).body;
    await until(version, (served) => served === '1.1.0');
    for (let n = 0; n < 3; n++) expect(await stream.next()).toContain('data: 1.0.0');
    const beside = await listen('/ticks');
    expect(await beside.next()).toContain('data: 1.1.0');
    await stream.leave();
    expect((await upgrade).body.state).toBe('succeeded');
    expect(await beside.next()).toContain('data: 1.1.0');
    await beside.leave();
  });

  it('is cut when the extension is terminated', async () => {
    const stream = await listen('/ticks');
    await stream.next();
    expect((await host.ask('GET', `/x/${ID}/rogue`)).body.code).toBe('E_CAP_UNDECLARED');
    await soon(stream.cut());
    expect((await host.show(ID)).state).toBe('quarantined');
  });
});
