import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { HostProcess } from '../../support/host-process.ts';
import { serving } from '../../support/sources.ts';

const SLOW = `export default { endpoints: {
  'GET /slow': async () => {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    return { body: 'done' };
  },
} };`;

/** Processes by the id of their parent: those a service manager finds in the cgroup of the host. */
function childrenOf(parent: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const direct = pids.map(Number).filter((pid) => parentOf(pid) === parent);
  return direct.flatMap((pid) => [pid, ...childrenOf(pid)]);
}

function parentOf(pid: number): number | null {
  try {
    return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
  } catch {
    return null; // it has ended meanwhile
  }
}

describe.runIf(process.platform === 'linux')('a signal to every process of a host', () => {
  let test: TestHost;
  let host: HostProcess;
  let url: string;

  const ask = (path: string) =>
    fetch(`${url}${path}`, { headers: { authorization: `Bearer ${test.token}` } });
  const cell = async () =>
    (
      (await (await ask('/v1/extensions/acme/slow')).json()) as {
        health: { process: { pid: number; calls: number } };
      }
    ).health.process;

  /** What it answers that was asked before the signal, and how it ended. */
  async function stoppedInTheMiddle(signal: () => void) {
    const { calls } = await cell();
    const asked = ask('/x/acme/slow/slow').then(async (answer) => [answer.status, await answer.text()]);
    await until(cell, (now) => now.calls > calls);
    const children = childrenOf(host.pid);
    expect(children).toContain((await cell()).pid);
    signal();
    const [answer, ended] = await Promise.all([asked, host.ended]);
    const left = children.filter((pid) => parentOf(pid) !== null);
    return { answer, code: ended.code, stderr: ended.stderr, left };
  }
  const IN_ORDER = { answer: [200, 'done'], code: 0, stderr: '', left: [] };

  beforeEach(async () => {
    test = await TestHost.start();
    await using author = await Author.create('acme');
    await test.trust(author);
    await test.run(await author.publish({ manifest: serving('slow', ['GET /slow']), code: SLOW }));
    await test.shutdown();
    const env = { MAG_PORT: '0', MAG_DATA_DIR: test.dataDir, DATABASE_URL: test.database.url };
    host = new HostProcess(env, { ownGroup: true });
    url = await host.ready();
  });
  afterEach(async () => {
    await host.kill('SIGKILL');
    await test[Symbol.asyncDispose]();
  });

  it('as Ctrl-C sends it, and npm once more, stops the host in order', async () => {
    const stopped = await stoppedInTheMiddle(() => {
      process.kill(-host.pid, 'SIGINT');
      process.kill(host.pid, 'SIGINT');
    });
    expect(stopped).toEqual(IN_ORDER);
  });

  it('as systemd sends it stops the host in order', async () => {
    const stopped = await stoppedInTheMiddle(() => {
      // The cells first: none may be gone before the host has heard of it.
      for (const pid of [...childrenOf(host.pid), host.pid]) process.kill(pid, 'SIGTERM');
    });
    expect(stopped).toEqual(IN_ORDER);
  });

  it('ends the cells with a host that is killed', async () => {
    const children = childrenOf(host.pid);
    expect(children).toContain((await cell()).pid);
    await host.kill('SIGKILL');
    // A zombie that nobody reaps is gone too.
    const isGone = (pid: number) =>
      parentOf(pid) === null || /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
    expect(
      await until(
        async () => children.filter((pid) => !isGone(pid)),
        ({ length }) => length === 0,
      ),
    ).toEqual([]);
  });
});
