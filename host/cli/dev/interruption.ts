import { MagError } from '../../../kernel/errors.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Aborted when the person leaves. Until it is disposed of, no signal ends the process in mid-cleaning. */
export interface Interruption extends Disposable {
  readonly signal: AbortSignal;
}

export function onInterrupt(): Interruption {
  const left = new AbortController();
  // Not `once`: a second Ctrl-C must not end the process in the middle of cleaning up.
  const leave = () => left.abort(new MagError('E_SHUTDOWN', 'interrupted'));
  for (const signal of SIGNALS) process.on(signal, leave);
  return {
    signal: left.signal,
    [Symbol.dispose]: () => {
      for (const signal of SIGNALS) process.removeListener(signal, leave);
    },
  };
}
