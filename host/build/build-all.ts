import { stop } from 'esbuild';
import { BUILD_DIR } from '../paths.ts';
import { bundleRunner } from './bundle-runner.ts';
import { buildFirstParty } from './first-party.ts';

/** What a host needs that is not in the checkout. Quick when nothing is stale. */
export interface Built {
  /** The program of a cell. */
  readonly runnerPath: string;
  /** First-party packages. */
  readonly packages: readonly string[];
}

export async function buildAll(): Promise<Built> {
  try {
    return { runnerPath: await bundleRunner(BUILD_DIR), packages: await buildFirstParty() };
  } finally {
    await stop(); // esbuild keeps a process of its own otherwise, for as long as the host runs
  }
}
