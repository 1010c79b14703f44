export interface LongestTurn {
  /** Milliseconds by the clock: on a busy machine mostly waiting for a processor. */
  readonly wallMs: number;
  /** Milliseconds of processor time of this thread: what the code of the turn itself took. */
  readonly cpuMs: number;
}

/** Watches the event loop of this process. The function that comes back ends it and tells the longest turn. */
export function watchTurns(): () => LongestTurn {
  let longest: LongestTurn = { wallMs: 0, cpuMs: 0 };
  let isOver = false;
  let at = performance.now();
  let used = process.threadCpuUsage();
  const turn = () => {
    const { user, system } = process.threadCpuUsage(used);
    longest = {
      wallMs: Math.max(longest.wallMs, performance.now() - at),
      cpuMs: Math.max(longest.cpuMs, (user + system) / 1_000),
    };
    at = performance.now();
    used = process.threadCpuUsage();
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  return () => {
    isOver = true;
    return longest;
  };
}
