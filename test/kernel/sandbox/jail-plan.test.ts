import { describe, expect, it } from 'vitest';
import { barePlan, commandLine, type JailPlan } from '../../../kernel/sandbox/jail-plan.ts';
import type { JailTools } from '../../../kernel/sandbox/jail-tools.ts';
import { findJailTools } from '../../../kernel/sandbox/jail-tools.ts';
import {
  isPowerless,
  mayKill,
  readProcessStatus,
  runsOnlyAs,
} from '../../../kernel/sandbox/process-status.ts';
import { createUidSource, freeIds } from '../../../kernel/sandbox/uid.ts';

const TOOLS: JailTools = { unshare: '/u', setpriv: '/s', prlimit: '/p', cat: '/c' };
const INMATE = { argv: ['/node', 'runner'] as [string, string], uid: 7, memoryMb: 32 };
const FULL: JailPlan = {
  tools: TOOLS,
  account: 'setpriv',
  namespaces: ['net', 'ipc'],
  userNamespace: false,
  noNewPrivileges: true,
  dropCapabilities: true,
  diesWithHost: true,
  limits: true,
};
const IDS = ['--reuid=7', '--regid=7', '--clear-groups'];
const CAPS = ['--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all'];
const LAST = [...CAPS, '--no-new-privs', '--pdeathsig=KILL', '--'];

describe('the command line of a cell', () => {
  it('is the bare program without walls', () => {
    const line = commandLine(barePlan(TOOLS), { ...INMATE, uid: null });
    expect(line).toEqual({ program: '/node', args: ['runner'], ids: null });
  });

  it('makes namespaces with the rights of root, gives them up, and limits last', () => {
    const { program, args, ids } = commandLine(FULL, INMATE);
    const before = ['--net', '--ipc', '--', '/s', ...IDS, ...LAST, '/p'];
    expect([program, ...args.slice(0, before.length)]).toEqual(['/u', ...before]);
    expect(args).toContain('--nproc=64');
    expect(args.slice(-3)).toEqual(['--', '/node', 'runner']);
    expect(ids).toBeNull();
  });

  it('takes the account first where only a user namespace gives the rights', () => {
    const { program, args } = commandLine({ ...FULL, userNamespace: true, limits: false }, INMATE);
    const user = ['--user', '--map-current-user', '--keep-caps', '--net', '--ipc', '--'];
    expect([program, ...args]).toEqual(['/s', ...IDS, '--', '/u', ...user, '/s', ...LAST, '/node', 'runner']);
  });

  it('keeps no right of the user namespace when nothing takes it away again', () => {
    const plan = { ...FULL, userNamespace: true, dropCapabilities: false };
    expect(commandLine(plan, INMATE).args).not.toContain('--keep-caps');
  });

  it('leaves the account to spawn where setpriv cannot, and limits no threads of a shared account', () => {
    const spawned = commandLine({ ...FULL, account: 'spawn' }, INMATE);
    expect(spawned.ids).toEqual({ uid: 7, gid: 7 });
    expect(spawned.args).not.toContain('--reuid=7');
    const shared = commandLine({ ...FULL, account: 'host' }, { ...INMATE, uid: null });
    expect(shared.args.filter((arg) => arg.startsWith('--nproc'))).toEqual([]);
  });

  it('has no tools beyond Linux', () => {
    expect(findJailTools('darwin')).toEqual({ unshare: null, setpriv: null, prlimit: null, cat: null });
  });
});

describe('ids for cells', () => {
  const whole = '         0          0 4294967295\n';

  it('are far from accounts on a whole machine', () => {
    expect(freeIds([whole, whole])).toEqual({ first: 1_900_000_000, count: 60_000 });
  });

  it('are among those a container has', () => {
    const container = '0 1000 1\n1 100000 65536\n';
    expect(freeIds([container, whole])).toEqual({ first: 44_537, count: 20_000 });
    expect(freeIds(['0 1000 1\n', '0 1000 1\n'])).toBeNull();
    expect(freeIds([whole, '0 1000 1\n'])).toBeNull();
    expect(freeIds(['', ''])).toBeNull();
  });

  it('are another one each time', () => {
    const next = createUidSource({ first: 10, count: 3 });
    expect([next(), next(), next()].sort()).toEqual([10, 11, 12]);
  });
});

describe('the status of a process', () => {
  const zeros = '0000000000000000';
  const text = (changed: Record<string, string> = {}) =>
    Object.entries({
      Uid: '7\t7\t7\t7',
      Gid: '7\t7\t7\t7',
      Groups: ' ',
      CapInh: zeros,
      CapPrm: zeros,
      CapEff: zeros,
      CapBnd: zeros,
      CapAmb: zeros,
      NoNewPrivs: '1',
      ...changed,
    })
      .map(([name, value]) => `${name}:\t${value}\n`)
      .join('');

  it('tells whether it runs as one account alone', () => {
    expect(runsOnlyAs(readProcessStatus(text()), 7)).toBe(true);
    for (const changed of [{ Uid: '7\t7\t0\t7' }, { Gid: '0\t7\t7\t7' }, { Groups: '4 7' }, { Uid: '7' }]) {
      expect(runsOnlyAs(readProcessStatus(text(changed)), 7)).toBe(false);
    }
  });

  it('tells whether it has power, or could come to it', () => {
    expect(isPowerless(readProcessStatus(text()))).toBe(true);
    expect(isPowerless(readProcessStatus(text({ CapBnd: '000001ffffffffff' })))).toBe(true);
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) {
      expect(isPowerless(readProcessStatus(text({ [set]: '0000000000000020' })))).toBe(false);
    }
    expect(isPowerless(readProcessStatus(text({ CapBnd: '1', NoNewPrivs: '0' })))).toBe(false);
    expect(mayKill(readProcessStatus(text({ CapEff: '0000000000000020' })))).toBe(true);
    expect(mayKill(readProcessStatus(text()))).toBe(false);
  });

  it('reads what is missing as the worst', () => {
    expect(isPowerless(readProcessStatus(''))).toBe(false);
    expect(runsOnlyAs(readProcessStatus(''), 0)).toBe(false);
  });
});
