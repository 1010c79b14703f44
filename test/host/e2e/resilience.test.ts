import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { NEIGHBOUR, serving } from '../../support/sources.ts';

const HOSTILE = `
const forever = () => { for (;;); };
export default { endpoints: {
  'GET /ok': async () => ({ body: 'fine' }),
  'GET /loop': async () => forever(),
  'GET /loop-later': async () => { await null; await new Promise((resolve) => setTimeout(resolve, 5)); forever(); },
  'GET /loop-in-getter': async () => { throw { get message() { forever(); }, get stack() { forever(); } }; },
  'GET /loop-in-json': async () => ({ body: { toJSON: forever } }),
  'GET /silence': async () => new Promise(() => {}),
  'GET /bomb': async () => { const all = []; for (;;) all.push(new Array(100_000).fill(all.length)); },
  'GET /flood': async () => ({ body: 'x'.repeat(3_000_000) }),
} };`;

describe('a hostile extension', () => {
  let host: TestHost;
  let author: Author;

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.trust(author);
    await host.run(await author.publish(NEIGHBOUR));
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  const paths = HOSTILE.match(/GET \/[a-z-]+/g) ?? [];
  /** The wait for its next cell is part of a call, and takes its time on a busy machine. */
  const run = async (name: string, wallMs = 20_000) =>
    host.run(
      await author.publish({
        manifest: serving(name, paths, { limits: { cpuMs: 200, wallMs, memoryMb: 32 } }),
        code: HOSTILE,
      }),
    );

  it.each([
    ['loop', ['E_LIMIT_CPU']],
    ['loop-later', ['E_LIMIT_CPU']],
    ['loop-in-getter', ['E_LIMIT_CPU']],
    ['loop-in-json', ['E_LIMIT_CPU']],
    ['silence', ['E_LIMIT_WALL']],
    ['bomb', ['E_LIMIT_MEMORY', 'E_LIMIT_CPU']],
    ['flood', ['E_LIMIT_OUTPUT']],
  ])('wastes only its own budget with %s', async (attack, codes) => {
    const name = `hostile-${attack}`;
    await run(name, attack === 'silence' ? 1_500 : undefined);
    const answers = host.ask('GET', `/x/acme/${name}/${attack}`);
    const neighbour = await host.ask('GET', '/x/acme/neighbour/ping');
    expect(neighbour.body).toEqual({ pong: true });
    const answer = await answers;
    expect(codes).toContain(answer.body.code);
    expect(answer.status).toBe(answer.body.code === 'E_LIMIT_WALL' ? 504 : 503);
    const next = await until(
      () => host.ask('GET', `/x/acme/${name}/ok`),
      ({ status }) => status === 200,
    );
    expect(next.body).toBe('fine');
  });

  it('answers again after its cell was killed from outside', async () => {
    await run('victim');
    const { pid } = (await host.show('acme/victim')).health.process;
    process.kill(pid, 'SIGKILL');
    const next = await host.ask('GET', '/x/acme/victim/ok');
    expect([next.status, next.body]).toEqual([200, 'fine']);
    expect((await host.show('acme/victim')).health.process.pid).not.toBe(pid);
  });

  it('is quarantined when its cell keeps dying', async () => {
    await run('dying');
    const state = await until(
      async () => {
        await host.ask('GET', '/x/acme/dying/loop');
        return (await host.show('acme/dying')).state as string;
      },
      (value) => value === 'quarantined',
    );
    expect(state).toBe('quarantined');
    await host.operate('acme/dying', 'enable');
    expect((await host.ask('GET', '/x/acme/dying/ok')).body).toBe('fine');
  });
});
