import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CellGroups } from '../../../kernel/sandbox/cell-groups.ts';
import { type CgroupHome, cgroupFolder, findCgroupHome } from '../../../kernel/sandbox/cgroup-home.ts';
import { createHarness, isAlive, rejection, startHarness } from './harness.ts';

/** What this machine has: with all it offers, and as places without any controller. */
const home = await findCgroupHome();
const bare = await findCgroupHome([]);
/** The name says whose it is; no other test of this process opens one. */
const folderOf = ({ path }: CgroupHome) => join(path, `magflock-${process.pid}`);

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function startSleep(): ChildProcess & { readonly pid: number } {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  children.push(child);
  if (child.pid === undefined) throw new Error('there is no sleep');
  return Object.assign(child, { pid: child.pid });
}

describe('the cgroup of a process', () => {
  const line = (root: string, point: string) =>
    `41 31 0:38 ${root} ${point} rw,relatime - cgroup2 cgroup2 rw\n`;
  const other = '33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n';

  it.each([
    [other + line('/', '/sys/fs/cgroup'), '4:memory:/x\n0::/a.slice/b\n', '/sys/fs/cgroup/a.slice/b'],
    [line('/', '/sys/fs/cgroup'), '0::/\n', '/sys/fs/cgroup/'],
    [line('/docker/1', '/sys/fs/cgroup'), '0::/docker/1/app\n', '/sys/fs/cgroup/app'],
    ['4 3 0:1 / /cg rw shared:4 master:1 - cgroup2 none rw\n', '0::/a\n', '/cg/a'],
    [line('/docker/1', '/sys/fs/cgroup'), '0::/docker/12\n', null],
    [line('/', '/sys/fs/cgroup'), '0::/../x\n', null],
    [other, '0::/\n', null],
    [line('/', '/sys/fs/cgroup'), '4:memory:/x\n', null],
  ])('is read from what the system says', (mounts, membership, folder) => {
    expect(cgroupFolder(mounts, membership)).toBe(folder);
  });

  it('is of no use without what is required, and says so', () => {
    if ('path' in home) expect(home.controllers).toContain('memory');
    else expect([home.reason, home.remedy].every((text) => text !== '')).toBe(true);
  });
});

describe.skipIf('reason' in bare)('groups of cells', () => {
  // Without controllers: where they lie with version 1 the rest can still be seen to work.
  const place = { ...(bare as CgroupHome), controllers: [], occupants: [] };

  it('hold one process each, and leave nothing behind', async () => {
    // Other test files have groups of their own in it.
    const ours = () => readdirSync(place.path).filter((name) => name === basename(folderOf(place)));
    const child = startSleep();
    {
      await using groups = await CellGroups.open(place);
      const group = groups.enter(child.pid, 32);
      const membership = readFileSync(`/proc/${child.pid}/cgroup`, 'utf8');
      expect(membership).toMatch(new RegExp(`^0::.*/magflock-${process.pid}/cell-1$`, 'm'));
      expect(group.ranOutOfMemory()).toBe(false);
      const over = once(child, 'exit');
      group.remove();
      // What is still in it is ended, where the system is new enough, and the folder goes in the end.
      if (!existsSync(join(folderOf(place), 'cgroup.kill'))) child.kill('SIGKILL');
      expect(await over).toEqual([null, 'SIGKILL']);
    }
    expect(ours()).toEqual([]);
  });

  it('leave nothing of one that was refused', async () => {
    await using groups = await CellGroups.open(place);
    expect(() => groups.enter(2 ** 30, 32)).toThrow(expect.objectContaining({ code: 'ESRCH' }));
    expect(readdirSync(folderOf(place)).filter((name) => name.startsWith('cell-'))).toEqual([]);
    await expect(CellGroups.open(place)).rejects.toMatchObject({ code: 'EEXIST' });
  });
});

describe.skipIf('reason' in home)('cells in cgroups', () => {
  it('are limited by the system, and told apart when they run out of memory', async () => {
    const bomb = `() => { const all = []; for (;;) all.push(new Uint8Array(1e7).fill(1)); }`;
    {
      await using harness = await startHarness({ bomb });
      const pid = harness.process.stats.pid ?? 0;
      expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toMatch(/\/magflock-\d+\/cell-\d+$/m);
      expect((await rejection(harness.call('bomb'))).code).toBe('E_LIMIT_MEMORY');
    }
    expect(existsSync(folderOf(home as CgroupHome))).toBe(false);
  });
});

describe('a cell without a cgroup', () => {
  it('runs all the same', async () => {
    await using harness = await createHarness();
    await harness.process.start();
    expect(isAlive(harness.process.stats.pid ?? 0)).toBe(true);
  });
});
