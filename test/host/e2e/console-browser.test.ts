import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { publishExample } from '../../support/example.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);
if (CHROMIUM === undefined) process.stdout.write('skipped: frames in a browser, there is no Chromium here\n');

/** What its page tries, and what came of it. */
const SPY = {
  manifest: serving('spy', ['POST /report', 'GET /report'], {
    capabilities: [{ name: 'ui.register_panel', reason: 'Looks around.' }],
    contributes: { panels: [{ name: 'spy', title: 'Spy', page: 'ui/spy.html' }] },
  }),
  files: {
    'ui/spy.html': `<!doctype html><title>spy</title><script>globalThis.inline = true;</script>
      <script src="/ui/frame.js"></script><script src="spy.js"></script>`,
    'ui/spy.js': `
      const attempt = async (work) => { try { return 'did: ' + await work(); } catch (error) { return error.name; } };
      const image = () => new Promise((done, fail) => {
        const it = new Image(); it.onload = () => done('loaded'); it.onerror = () => fail(new Error('no')); it.src = '/ui/pixel.png';
      });
      const together = async () => { while (parent.length < 2) await new Promise((done) => setTimeout(done, 20)); };
      together().then(async () => magflock.call('POST', '/report', {
        origin: origin,
        inline: String(globalThis.inline),
        parent: await attempt(() => parent.document.title),
        token: await attempt(() => parent.TOKEN),
        cookie: await attempt(() => document.cookie),
        storage: await attempt(() => localStorage.length),
        api: await attempt(async () => (await fetch('/v1/host')).status),
        foreign: await attempt(async () => (await fetch('http://127.0.0.1:9/')).status),
        top: await attempt(() => { top.location = 'about:blank'; return 'moved'; }),
        popup: await attempt(() => String(open('about:blank'))),
        sibling: await attempt(() => [0, 1].map((n) => parent.frames[n]).find((frame) => frame !== self).document.title),
        evaluated: await attempt(() => eval('1')),
        image: await attempt(image),
      }));`,
  },
  code: `export default { endpoints: {
    'POST /report': async ({ body }, ctx) => { await ctx.state.set('report', body); return { status: 204 }; },
    'GET /report': async (_request, ctx) => ({ body: await ctx.state.get('report') }),
  } };`,
};

describe.runIf(CHROMIUM !== undefined)('frames of extensions in a browser', () => {
  let host: TestHost;
  let author: Author;
  let example: Author;
  let console: Server;
  let profile: string;

  beforeAll(async () => {
    [host, author, example] = await Promise.all([
      TestHost.start(),
      Author.create('acme'),
      Author.create('example'),
    ]);
    await host.trust(author);
    await host.trust(example);
    await host.run(await author.publish(SPY));
    await host.run(await publishExample('pinboard', example, host));
    profile = await mkdtemp(join(tmpdir(), 'magflock-chromium-'));
    console = createServer((asked, answer) => {
      if (asked.url === '/') answer.setHeader('content-type', 'text/html').end(page(host.token));
      else pass(asked, answer, host.url);
    });
    await new Promise<void>((resolve) => console.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    console.closeAllConnections();
    console.close();
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
    await example[Symbol.asyncDispose]();
    await rm(profile, { recursive: true, force: true });
  });

  /** Looks at the console until it is disposed of. */
  function visit(): AsyncDisposable {
    const at = `http://127.0.0.1:${(console.address() as AddressInfo).port}/`;
    const own = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${profile}`];
    // With a debugger it goes on until it is ended.
    // What it leaves behind goes with the profile.
    const env = { ...process.env, TMPDIR: profile };
    const browser = spawn(CHROMIUM ?? '', [...own, '--remote-debugging-port=0', at], {
      stdio: 'ignore',
      env,
    });
    return {
      async [Symbol.asyncDispose]() {
        browser.kill('SIGTERM');
        await once(browser, 'exit');
      },
    };
  }

  it('work, and reach nothing but their own extension', { timeout: 180_000 }, async () => {
    await host.ask('POST', '/x/example/pinboard/pins', { body: { text: 'Milk' } });
    await using _browser = visit();
    const { body: report } = await until(
      () => host.ask('GET', '/x/acme/spy/report'),
      ({ body }) => body !== null && body !== '',
      120_000, // on a busy machine a browser takes its time to start
    );
    expect(report).toEqual({
      origin: 'null',
      inline: 'undefined',
      parent: 'SecurityError',
      token: 'SecurityError',
      cookie: 'SecurityError',
      storage: 'SecurityError',
      api: 'TypeError',
      foreign: 'TypeError',
      top: 'SecurityError',
      popup: 'did: null',
      sibling: 'SecurityError',
      evaluated: 'EvalError',
      image: 'Error',
    });
    // The board in the frame beside it was shown: what its page asked is on record.
    const asked = async (): Promise<string[]> => {
      const { body } = await host.ask('GET', '/v1/audit?action=ui.action&limit=100');
      return body.records.map((record: { target: string; detail: { call: string } }) => {
        return `${record.target} ${record.detail.call}`;
      });
    };
    await until(asked, (calls) => calls.includes('example/pinboard GET /pins'));
    expect(await asked()).toContain('acme/spy POST /report');
  });
});

/** A console at its smallest: it shows every panel there is. */
function page(token: string): string {
  return `<!doctype html><title>console</title><body><script type="module">
    import { showFrame } from '/ui/bridge.js';
    globalThis.TOKEN = ${JSON.stringify(token)};
    document.cookie = 'secret=1';
    const headers = { authorization: 'Bearer ' + TOKEN };
    const { panels } = await (await fetch('/v1/ui', { headers })).json();
    for (const panel of panels) {
      const frame = showFrame(document.body, panel, { headers });
      frame.style = 'width: 45%; height: 400px';
    }
  </script>`;
}

/** As a proxy in front of a host does, which leaves the Host header as it is. */
function pass(
  asked: Parameters<NonNullable<Parameters<typeof createServer>[1]>>[0],
  answer: Parameters<NonNullable<Parameters<typeof createServer>[1]>>[1],
  url: string,
): void {
  const { method = 'GET', headers } = asked;
  const onward = request(new URL(asked.url ?? '/', url), { method, headers }, (from) => {
    answer.writeHead(from.statusCode ?? 502, from.headers);
    from.pipe(answer);
  });
  onward.on('error', () => answer.destroy());
  asked.pipe(onward);
}
