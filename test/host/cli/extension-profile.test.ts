import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CpuProfile } from '../../../host/cli/dev/cpu-profile.ts';
import { LongMag, leftIn, writeExtension } from './dev-extension.ts';
import { type Folder, mag, temporaryFolder } from './mag-process.ts';

/** Nearly all the time goes into line 3. */
const SOURCE = `import { defineExtension } from '#sdk';

function spin(rounds: number): number {
  let sum = 0;
  for (let i = 0; i < rounds; i++) sum += Math.sqrt(i) % 7;
  return sum;
}

function idle(): number {
  return 1;
}

export default defineExtension({
  endpoints: {
    'GET /hot': async () => ({ body: { sum: spin(2_000_000) + idle() } }),
    'GET /missing/:what': async () => ({ status: 404, body: {} }),
    'POST /echo': async (request) => ({ body: request.body }),
  },
});
`;

let folder: Folder;
let dir: string;
let tmp: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  await chmod(folder.path, 0o711);
  tmp = join(folder.path, 'tmp');
  await mkdir(tmp);
  dir = await writeExtension(folder.path, ['GET /hot', 'GET /missing/:what', 'POST /echo'], SOURCE);
});
afterAll(() => folder[Symbol.asyncDispose]());

async function profile(...args: string[]): Promise<LongMag> {
  const run = new LongMag(['extension:profile', dir, '--yes', ...args], folder.path, tmp);
  await new Promise((done) => run.child.once('exit', done));
  if (run.child.exitCode !== 0) throw new Error(run.stderr);
  return run;
}

it('names the hot function first, in the TypeScript of the author, and writes what Chrome opens', async () => {
  const { stdout } = await profile('--calls', '30', '--output', 'json');
  const said = JSON.parse(stdout);
  expect(said.functions[0]).toMatchObject({ name: 'spin', place: 'src/index.ts:3' });
  expect(said.functions[0].share).toBeGreaterThan(0.5);
  expect(said.calls).toHaveLength(1);
  expect(said.calls[0]).toMatchObject({ call: 'GET /hot', count: 30, statuses: { 200: 30 } });
  const { p50Ms, p90Ms, p99Ms, maxMs } = said.calls[0];
  expect([p50Ms, p90Ms, p99Ms, maxMs].toSorted((a, b) => a - b)).toEqual([p50Ms, p90Ms, p99Ms, maxMs]);
  expect(said.heapBytes).toBeGreaterThan(0);
  expect(said.file).toBe(join(folder.path, 'acme-probe-1.0.0.cpuprofile'));

  const written = JSON.parse(await readFile(said.file, 'utf8')) as CpuProfile;
  const ids = new Set(written.nodes.map(({ id }) => id));
  expect(written.samples.every((id) => ids.has(id))).toBe(true);
  expect(written.timeDeltas).toHaveLength(written.samples.length);
  const spin = written.nodes.find(({ callFrame }) => callFrame.functionName === 'spin');
  expect(spin?.callFrame.url).toBe(pathToFileURL(join(dir, 'src/index.ts')).href);
  expect(await leftIn(tmp)).toEqual([]);
});

it('makes the calls it is told to, and counts what they were answered', async () => {
  const calls = ['--call', 'GET /missing/it', '--call', 'POST /echo {"a":1}'];
  const { stdout } = await profile('--seconds', '1', '--out', 'mine.cpuprofile', ...calls);
  expect(stdout).toMatch(/GET \/missing\/it +\d+ +\d+ × 404/);
  expect(stdout).toMatch(/POST \/echo +\d+ +\d+ × 200/);
  expect(stdout).toContain(join(folder.path, 'mine.cpuprofile'));
});

it('says what a call looks like', async () => {
  for (const args of [
    ['--call', 'hot'],
    ['--calls', '0'],
    ['--calls', '5', '--seconds', '5'],
  ]) {
    const { exitCode } = await mag(['extension:profile', dir, '--yes', ...args], { cwd: folder.path });
    expect(exitCode).toBe(2);
  }
});
