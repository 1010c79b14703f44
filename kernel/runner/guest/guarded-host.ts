import type { HostFunctions } from './host-functions.ts';
import { GuestRangeError, reflectApply } from './primordials.ts';

/**
 * The lent functions, never throwing anything that was made outside. They do not throw themselves; but called
 * with the stack all but used up, the call itself fails, on the other side of the wall, and the error that
 * comes out of it may tell of what is there.
 */
export function guardHost(host: HostFunctions): HostFunctions {
  return {
    reply: guarded(host.reply),
    fail: guarded(host.fail),
    hostCall: guarded(host.hostCall),
    log: guarded(host.log),
    startTimer: guarded(host.startTimer),
    stopTimer: guarded(host.stopTimer),
    random: guarded(host.random),
    clock: guarded(host.clock),
    parseUrl: guarded(host.parseUrl),
    changeUrl: guarded(host.changeUrl),
    transcode: guarded(host.transcode),
    digest: guarded(host.digest),
  };
}

function guarded<Args extends unknown[], Result>(run: (...args: Args) => Result): (...args: Args) => Result {
  return (...args) => {
    try {
      return reflectApply(run, undefined, args) as Result;
    } catch {
      throw new GuestRangeError('Maximum call stack size exceeded');
    }
  };
}
