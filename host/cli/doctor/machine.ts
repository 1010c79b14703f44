import { access, mkdtemp, rmdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { type Finding, fail, ok } from './finding.ts';

/** Writes into the data folder, or into the nearest folder above it that is there: nothing stays behind. */
export async function checkDataFolder(dataDir: string): Promise<Finding> {
  const folder = await nearestExisting(dataDir);
  try {
    await rmdir(await mkdtemp(join(folder, '.mag-doctor-')));
    return ok('data folder', folder === dataDir ? dataDir : `${dataDir} can be created`);
  } catch {
    return fail('data folder', `${folder} cannot be written`, 'set MAG_DATA_DIR to a folder that can');
  }
}

async function nearestExisting(folder: string): Promise<string> {
  const there = await access(folder).then(
    () => true,
    () => false,
  );
  return there || dirname(folder) === folder ? folder : nearestExisting(dirname(folder));
}

/** Either a MagFlock host answers at the address, or nobody does. */
export async function checkPort(host: string, port: number, url: string): Promise<Finding> {
  const problem = await listenProblem(host, port);
  if (problem === null) return ok('port', `${host}:${port} is free`);
  if (problem !== 'EADDRINUSE')
    return fail('port', `${host}:${port}: ${problem}`, 'set MAG_HOST and MAG_PORT');
  if (await answersHealth(url)) return ok('port', `a host is running at ${url}`);
  return fail('port', `${host}:${port} is taken by another program`, 'end it, or set MAG_PORT');
}

function listenProblem(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(null)));
  });
}

async function answersHealth(url: string): Promise<boolean> {
  try {
    const response = await fetch(new URL('/healthz', url), { signal: AbortSignal.timeout(3_000) });
    return response.ok;
  } catch {
    return false;
  }
}
