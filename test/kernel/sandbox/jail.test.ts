import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { describeJail, type JailLayer } from '../../../host/jail-report.ts';
import { probeJail } from '../../../kernel/sandbox/index.ts';
import { findJailTools, type JailTools } from '../../../kernel/sandbox/jail-tools.ts';
import { isPowerless, readProcessStatus } from '../../../kernel/sandbox/process-status.ts';
import { createHarness, eventually, type Harness, isAlive } from './harness.ts';

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
/** A descriptor that whoever starts a host left open. */
const LEFT_OPEN = 40;
const SPY = fixture('spy-runner.mjs');
const NO_TOOLS: JailTools = { unshare: null, setpriv: null, prlimit: null, cat: null };
const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === 'linux';

/** What the cell of `spy-runner.mjs` found out. */
type Seen = Record<'readPasswd' | 'signalHost' | 'connect', string> & {
  environment: string[];
  interfaces: string[];
};

function isOn(layers: readonly JailLayer[], name: string): boolean {
  const layer = layers.find((one) => one.name === name);
  if (layer === undefined) throw new Error(`there is no layer ${name}`);
  return layer.on;
}

async function startSpy(): Promise<{ harness: Harness; pid: number; layers: readonly JailLayer[] }> {
  const harness = await createHarness({ runnerPath: SPY });
  await harness.process.start();
  const layers = describeJail(await harness.sandbox.jail());
  return { harness, pid: harness.process.stats.pid ?? 0, layers };
}

const proc = (pid: number, file: string) => readFileSync(`/proc/${pid}/${file}`, 'latin1');

describe.runIf(isLinux)('a cell as the system sees it', () => {
  it('is the process the host started, without account, rights and room of the host', async () => {
    const { harness, pid, layers } = await startSpy();
    await using _ = harness;
    expect(proc(pid, 'cmdline').split('\0')).toContain('--permission');
    expect(proc(pid, 'environ')).toBe('');
    const status = readProcessStatus(proc(pid, 'status'));
    const own = isOn(layers, 'account');
    expect(own).toBe(isRoot);
    expect(new Set([...status.uids, ...status.gids, ...status.groups]).size === 1 || !own).toBe(true);
    expect(status.uids.includes(process.getuid?.() ?? 0)).toBe(!own);
    expect(status.noNewPrivileges).toBe(isOn(layers, 'no-new-privileges'));
    expect(isPowerless(status)).toBe(isOn(layers, 'capabilities'));
    for (const [layer, name] of [
      ['network', 'net'],
      ['ipc', 'ipc'],
      ['mounts', 'mnt'],
      ['hostname', 'uts'],
    ] as const) {
      const differs = readlinkSync(`/proc/${pid}/ns/${name}`) !== readlinkSync(`/proc/self/ns/${name}`);
      expect(differs, layer).toBe(isOn(layers, layer));
    }
    // `pid (comm) state ppid pgrp session tty_nr`: it leads a session of its own, without a terminal.
    const [, , group, session, terminal] = proc(pid, 'stat').split(') ')[1]?.split(' ') ?? [];
    expect([isOn(layers, 'session'), group, session, terminal]).toEqual([true, `${pid}`, `${pid}`, '0']);
    const limits = proc(pid, 'limits');
    expect(/^Max file size +0 +0 /m.test(limits)).toBe(isOn(layers, 'limits'));
    expect(/^Max open files +64 +64 /m.test(limits)).toBe(isOn(layers, 'limits'));
    expect(/^Max processes +64 +64 /m.test(limits)).toBe(isOn(layers, 'limits') && own);
  });

  it.runIf(isRoot)('has every layer as root on a machine that has the tools', async () => {
    const layers = describeJail(await probeJail());
    const found = Object.values(findJailTools()).every((tool) => tool !== null);
    const names = ['account', 'capabilities', 'no-new-privileges', 'dies-with-host', 'limits'];
    if (found) expect(names.filter((name) => !isOn(layers, name))).toEqual([]);
    const { harness, pid } = await startSpy();
    await using _ = harness;
    const zero = /^(CapInh|CapPrm|CapEff|CapBnd|CapAmb):\t0{16}$/gm;
    if (found) expect(proc(pid, 'status').match(zero)).toHaveLength(5);
  });

  it('has one channel and its own words, and no other way to anybody', async () => {
    const { harness, pid } = await startSpy();
    await using _ = harness;
    const folder = `/proc/${pid}/fd`;
    const open = new Map(readdirSync(folder).map((fd) => [fd, readlinkSync(`${folder}/${fd}`)]));
    expect([open.get('0'), open.get('1')]).toEqual(['/dev/null', '/dev/null']);
    const outward = [...open].filter(([, to]) => /^(socket|pipe|\/(?!dev\/null$))/.test(to));
    const inside = outward.filter(([fd, to]) => Number(fd) > 3 && to.startsWith('pipe:'));
    // Pipes of Node to itself come in pairs; nothing else may be open.
    const ends = Map.groupBy(inside, ([, to]) => to);
    expect([...ends.values()].every((pair) => pair.length === 2)).toBe(true);
    const rest = outward.filter((one) => !inside.includes(one)).map(([fd]) => fd);
    expect(rest.sort()).toEqual(['2', '3']);
  });

  it('does not inherit what the host was started with', async () => {
    await using host = await startHost('look', null);
    const leaked = readlinkSync(`/proc/${host.child.pid}/fd/${LEFT_OPEN}`);
    expect(leaked).toMatch(/^socket:/);
    expect(readlinkSync(`/proc/${host.pid}/fd/${LEFT_OPEN}`)).toBe('/dev/null');
  });
});

describe('a cell whose program was replaced', () => {
  it('gets nowhere', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { harness, layers } = await startSpy();
    await using _ = harness;
    const seen = await harness.call('look', { port: (server.address() as AddressInfo).port });
    server.close();
    const denied = 'ERR_ACCESS_DENIED';
    expect(seen).toMatchObject({
      readPasswd: denied,
      readStatus: denied,
      list: denied,
      write: denied,
      spawn: denied,
      worker: denied,
      environment: [],
      signalHost: isOn(layers, 'account') ? 'EPERM' : 'done',
    });
    const { connect, interfaces } = seen as Seen;
    if (isOn(layers, 'network'))
      expect({ connect, interfaces }).toEqual({ connect: 'ENETUNREACH', interfaces: [] });
    else expect(connect).toBe('connected');
  });
});

interface SmallHost extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly answer: Seen | null;
  readonly layers: readonly JailLayer[];
}

/** A host in a process of its own. @param through what it is started through */
async function startHost(name: string, tools: JailTools | null, through: string[] = []): Promise<SmallHost> {
  const [program = '', ...args] = [...through, process.execPath, fixture('small-host.mjs')];
  const child = spawn(program, [...args, SPY, name, JSON.stringify(tools)], {
    stdio: ['ignore', 'pipe', 'inherit', ...Array(LEFT_OPEN - 3).fill('ignore'), 'pipe'],
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([once(lines, 'line'), once(child, 'close')]);
  return {
    child,
    ...JSON.parse(String(line)),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}

/** A zombie that nobody reaps is gone too. */
function isGone(pid: number): boolean {
  if (!isAlive(pid)) return true;
  return isLinux && /^State:\tZ/m.test(proc(pid, 'status'));
}

describe('the end of the host', () => {
  it('is the end of its cells, however it comes', async () => {
    for (const tools of [null, NO_TOOLS]) {
      await using host = await startHost('look', tools);
      expect(isAlive(host.pid)).toBe(true);
      host.child.kill('SIGKILL');
      await eventually(() => isGone(host.pid));
    }
  });

  it('is the end of a cell that is deaf to it, where the system helps', async () => {
    await using host = await startHost('hold', null);
    expect(isAlive(host.pid)).toBe(true);
    if (!isOn(host.layers, 'dies-with-host')) {
      process.kill(host.pid, 'SIGKILL');
      return;
    }
    host.child.kill('SIGKILL');
    await eventually(() => isGone(host.pid));
  });
});

describe('what a machine cannot give', () => {
  const off = (layers: readonly JailLayer[]) => layers.filter(({ on }) => !on).map(({ name }) => name);

  it('is a layer off with a reason and a remedy, and cells run all the same', async () => {
    await using host = await startHost('look', NO_TOOLS);
    const lost = [
      'capabilities',
      'no-new-privileges',
      'network',
      'ipc',
      'mounts',
      'hostname',
      'limits',
      'dies-with-host',
    ];
    expect(off(host.layers)).toEqual(expect.arrayContaining(lost));
    expect(isOn(host.layers, 'account')).toBe(isRoot);
    for (const { on, detail, remedy } of host.layers) {
      expect(detail).not.toBe('');
      expect(remedy === null).toBe(on);
    }
    expect(host.answer?.readPasswd).toBe('ERR_ACCESS_DENIED');
  });

  it.each(['unshare', 'setpriv', 'prlimit'] as const)('takes only the layers of %s', async (tool) => {
    const all = findJailTools();
    const whole = off(describeJail(await probeJail()));
    const layers = describeJail(await probeJail({ tools: { ...all, [tool]: null } }));
    const of = {
      unshare: ['network', 'ipc', 'mounts', 'hostname'],
      setpriv: ['capabilities', 'no-new-privileges', 'dies-with-host'],
      prlimit: ['limits'],
    }[tool];
    const more = off(layers).filter((name) => !whole.includes(name));
    expect(of.every((name) => off(layers).includes(name))).toBe(true);
    // Without setpriv an account of its own is taken before the namespaces, which may cost those too.
    if (tool !== 'setpriv') expect(more.every((name) => of.includes(name))).toBe(true);
  });

  it('is seen when a program does nothing although it says it did', async () => {
    const all = findJailTools();
    const layers = describeJail(await probeJail({ tools: { ...all, setpriv: all.cat && '/bin/echo' } }));
    expect(off(layers)).toEqual(expect.arrayContaining(['no-new-privileges', 'capabilities']));
    expect(isOn(layers, 'account')).toBe(isRoot);
  });

  const { setpriv, unshare } = findJailTools();

  it.runIf(isRoot && setpriv !== null)(
    'is made up for by a user namespace, where root has few rights',
    async () => {
      const few = [setpriv ?? '', '--bounding-set=-sys_admin,-setpcap', '--'];
      await using host = await startHost('look', null, few);
      expect(isOn(host.layers, 'account')).toBe(true);
      const status = readProcessStatus(proc(host.pid, 'status'));
      expect(status.uids).not.toContain(0);
      expect(isPowerless(status)).toBe(true);
      const alone = isOn(host.layers, 'network');
      expect(host.answer?.connect).toBe(alone ? 'ENETUNREACH' : 'ECONNREFUSED');
    },
  );

  it.runIf(isRoot && unshare !== null)('is a refusal where root has no account for its cells', async () => {
    for (const few of [
      [setpriv ?? '', '--bounding-set=-kill', '--inh-caps=-kill', '--'],
      [unshare ?? '', '--user', '--map-root-user', '--'],
    ]) {
      const host = await startHost('check', null, few);
      expect(host).toMatchObject({ code: 'E_CONFIG' });
      expect(isOn(host.layers, 'account')).toBe(false);
    }
  });

  it.runIf(isRoot && setpriv !== null)('is told to an ordinary user', async () => {
    const nobody = [setpriv ?? '', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
    await using host = await startHost('look', null, nobody);
    expect(isOn(host.layers, 'account')).toBe(false);
    expect(isOn(host.layers, 'no-new-privileges')).toBe(true);
    expect(isOn(host.layers, 'capabilities')).toBe(true);
    const status = readProcessStatus(proc(host.pid, 'status'));
    expect(status.uids).toEqual([65_534, 65_534, 65_534, 65_534]);
    expect(isPowerless(status)).toBe(true);
    if (isOn(host.layers, 'network'))
      expect(host.answer).toMatchObject({ connect: 'ENETUNREACH', interfaces: [] });
    host.child.kill('SIGKILL');
    await eventually(() => isGone(host.pid));
  });
});
