import { MagError } from '../errors.ts';
import type { InvokeOptions } from './cell.ts';
import { abortError } from './cell-errors.ts';

/** What is waited for, or `E_LIMIT_WALL` when the deadline comes first. */
export async function within<Value>(
  promise: Promise<Value>,
  options: Pick<InvokeOptions, 'deadlineMs' | 'signal'>,
): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const error = new MagError('E_LIMIT_WALL', 'the extension was not running within the deadline');
  const timer = setTimeout(() => late.reject(error), Math.max(0, options.deadlineMs));
  const onAbort = () => late.reject(abortError(options.signal));
  options.signal?.addEventListener('abort', onAbort);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  }
}
