import { CELL_EXIT, OUT_OF_MEMORY_WORDS } from '../../manifests/protocol/cell-exit.ts';

/**
 * Ends this process. After an isolate went over its memory on a thread of its own, isolated-vm crashes when
 * Node takes itself down in order: then it is ended without, and says why on stderr.
 */
export function endProcess(code: number): void {
  if (code !== CELL_EXIT.memory) process.exit(code);
  process.stderr.write(`${OUT_OF_MEMORY_WORDS}\n`);
  process.kill(process.pid, 'SIGKILL');
}
