import { readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterPaths } from '../../storage/embedded-cluster.ts';

const POLLS = 50;
const POLL_MS = 100;

/**
 * Ends the Postgres that a killed host left running: it is a program of its own, made to outlive its host.
 * The throw-away data folder is ours alone, so is the server whose lock file lies in it.
 */
export async function endLeftServer(dataDir: string): Promise<void> {
  const { data, sockets } = clusterPaths(dataDir);
  const pid = await postmasterPid(`${data}/postmaster.pid`);
  if (pid !== null && send(pid, 'SIGQUIT')) {
    for (let poll = 0; poll < POLLS && send(pid, 0); poll++) await sleep(POLL_MS);
  }
  await rm(sockets, { recursive: true, force: true });
}

async function postmasterPid(file: string): Promise<number | null> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  return Number.isInteger(pid) && pid > 1 ? pid : null;
}

/** Whether there was such a process. */
function send(pid: number, signal: 'SIGQUIT' | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
