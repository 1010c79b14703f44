import { MagError, toMagError } from '../errors.ts';
import type { Cancellation } from './cell.ts';

export function tooLarge(): MagError {
  return new MagError('E_LIMIT_OUTPUT', 'what the call hands in is larger than a sandbox may take in');
}

export function tooManyCalls(): MagError {
  return new MagError('E_LIMIT_RATE', 'too many calls wait for the extension');
}

export function overDeadline(acked: boolean): MagError {
  const how = acked ? 'did not answer' : 'did not react';
  return new MagError('E_LIMIT_WALL', `the extension ${how} within its deadline`);
}

export function unresponsive(): MagError {
  return new MagError('E_LIMIT_CPU', 'the extension did not stop when it was told to');
}

export function protocolBroken(cause: unknown): MagError {
  return new MagError('E_PROTOCOL', 'the sandbox of the extension broke the protocol', { cause });
}

/** Why a caller gave up: its own MagError, or that it no longer waits. */
export function abortError(signal: Cancellation | undefined): MagError {
  return toMagError(signal?.reason, 'E_LIMIT_WALL', 'the caller no longer waits');
}
