import { existsSync } from 'node:fs';
import { MagError } from '../../../kernel/errors.ts';
import type { Terminal } from '../terminal.ts';
import { playAuthor, playCalls, playInstall, playRevocation } from './acts.ts';
import { playEnd, playRogue } from './acts-rogue.ts';
import { playUpgrade } from './acts-upgrade.ts';
import { startHost } from './host-process.ts';
import { createNarrator, type Narrator } from './narrator.ts';
import { createMag } from './run-mag.ts';
import type { Scene } from './scene.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

const ACTS = [playAuthor, playInstall, playCalls, playRevocation, playRogue, playUpgrade, playEnd];
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Plays the story on a host of its own and leaves nothing behind: not on success, not on failure, not on
 * Ctrl-C. Every claim is checked as it is told.
 * @throws MagError when anything was not as told
 */
export async function playDemo(terminal: Terminal): Promise<void> {
  const started = performance.now();
  const narrator = createNarrator(terminal.stdout);
  const interrupted = new AbortController();
  // Not `once`: a second Ctrl-C must not end the process in the middle of cleaning up.
  const interrupt = () => interrupted.abort(new MagError('E_SHUTDOWN', 'the demo was interrupted'));
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    const folder = await play(narrator, interrupted.signal);
    if (existsSync(folder)) throw new MagError('E_INTERNAL', `the demo could not remove ${folder}`);
  } catch (error) {
    throw interrupted.signal.aborted ? interrupted.signal.reason : error;
  } finally {
    for (const signal of SIGNALS) process.removeListener(signal, interrupt);
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  narrator.ends(`All of it was as told, in ${seconds} s. The host is stopped and its data folder is gone.`);
}

/** Resolves with the folder it was played in, which is gone by then. */
async function play(narrator: Narrator, signal: AbortSignal): Promise<string> {
  await using folder = await createTemporaryFolder();
  narrator.act('A host boots, on a throw-away data folder and a Postgres of its own');
  await using host = await startHost(folder.path, signal);
  narrator.proves(`ready at ${host.url}`);
  const mag = createMag(narrator, folder.path, host.env, signal);
  const scene: Scene = { folder: folder.path, host, narrator, signal, mag };
  for (const act of ACTS) {
    signal.throwIfAborted();
    await act(scene);
  }
  return folder.path;
}
