import { CELL_EXIT, OUT_OF_MEMORY_WORDS } from '../../manifests/protocol/cell-exit.ts';
import { MagError } from '../errors.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** Why a cell ended, and what the calls that were in it are told. */
export interface Death {
  readonly error: MagError;
  readonly inFlight: MagError;
  /**
   * For calls the cell never said anything about: no acknowledgement, log line or host call. `null` where
   * such a call may itself be what ended the cell.
   */
  readonly notTaken: CallNotTaken | null;
}

/**
 * The call was in a cell that ended before it had any effect outside: an effect takes a host call, and there
 * was none. Or it was to be made behind one that failed. Making it again does nothing twice.
 */
export class CallNotTaken extends MagError {
  constructor() {
    super('E_CELL_LOST', 'the cell ended before it took the call');
  }
}

/** V8's last words when memory ran out, in the isolate or in the process. */
const OUT_OF_MEMORY = /out of memory|heap limit|Allocation failed|is_heap_oom/i;

/** Reads the end of a process that the host did not kill. */
export function readDeath(exit: Exit): Death {
  const memory = new MagError('E_LIMIT_MEMORY', 'the extension used more memory than its limit');
  if (exit.code === CELL_EXIT.memory || exit.stderr.includes(OUT_OF_MEMORY_WORDS))
    return { error: memory, inFlight: memory, notTaken: new CallNotTaken() };
  if (OUT_OF_MEMORY.test(exit.stderr)) return same(memory);
  const lost = new MagError('E_CELL_LOST', 'the cell died while it worked on the call', {
    cause: causeOf(exit),
  });
  if (exit.signal === 'SIGKILL') return { error: lost, inFlight: lost, notTaken: new CallNotTaken() };
  if (exit.code !== CELL_EXIT.cpu) return same(lost);
  const error = new MagError('E_LIMIT_CPU', 'the extension used more processor time than its budget');
  return { error, inFlight: lost, notTaken: new CallNotTaken() };
}

/** One error for everybody. */
export function same(error: MagError): Death {
  return { error, inFlight: error, notTaken: null };
}

function causeOf(exit: Exit): Error {
  const end = exit.signal === null ? `code ${exit.code}` : `signal ${exit.signal}`;
  return new Error(`the process ended with ${end}: ${exit.stderr.slice(0, 2_000)}`);
}
