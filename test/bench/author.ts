import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { startHost } from '../../host/compose.ts';
import { loadConfig } from '../../host/config.ts';
import { LongMag, writeExtension } from '../host/cli/dev-extension.ts';
import { quantile, type Suite } from './case.ts';

const SAVES = 20;
const QUICK_SAVES = 5;
/** Between two saves: an author thinks longer. */
const PAUSE_MS = 200;

/** From a saved file to the host that answers with it, by `mag extension:dev` in a process of its own. */
export const author: Suite = {
  name: 'author',
  async run(report, { quick }) {
    const saves = quick ? QUICK_SAVES : SAVES;
    await using owned = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'magflock-bench-'));
    owned.defer(() => rm(folder, { recursive: true, force: true }));
    await chmod(folder, 0o711); // cells run as another account when root runs this
    const dataDir = join(folder, 'data');
    const env = { MAG_PORT: '0', MAG_PREINSTALL: 'none', MAG_DATA_DIR: dataDir };
    const host = owned.use(await startHost(loadConfig(env, folder), pino({ level: 'silent' })));
    const token = (await readFile(host.tokenFile, 'utf8')).trim();
    const dir = await writeExtension(folder, ['GET /greet'], source(0));
    const tmp = join(folder, 'tmp');
    await mkdir(tmp);
    const args = ['extension:dev', dir, '--yes', '--output', 'json', '--url', host.url, '--token', token];
    const dev = new LongMag(args, folder, tmp);
    owned.defer(async () => void (await dev.interrupt()));
    await dev.lines(1);
    const times: number[] = [];
    const starts: number[] = [];
    for (let save = 1; save <= saves; save++) {
      await sleep(PAUSE_MS);
      await writeFile(join(dir, 'src/index.ts'), source(save));
      const line = (await dev.lines(save + 1))[save];
      if (line.live === undefined) throw new Error(JSON.stringify(line));
      times.push(line.live.ms);
      starts.push(await bareStart());
    }
    const [middle, slow] = [quantile(times, 0.5), quantile(times, 0.95)];
    report({
      name: 'save to live with extension:dev',
      against: 'starting a bare Node process',
      ratio: middle / quantile(starts, 0.5),
      aim: '<= 25',
      detail: `${middle} ms, p95 ${slow} ms; Node starts in ${quantile(starts, 0.5).toFixed(0)} ms`,
    });
  },
};

const source = (save: number) => `import { defineExtension } from '#sdk';
export default defineExtension({ endpoints: { 'GET /greet': async () => ({ body: { save: ${save} } }) } });
`;

async function bareStart(): Promise<number> {
  const startedAt = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
  return performance.now() - startedAt;
}
