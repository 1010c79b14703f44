/** With what code a cell ends itself, so that the host knows why. Anything else is a crash. */
export const CELL_EXIT = {
  /** Told to, or the host went away. */
  stopped: 0,
  /** A slice of guest code ran over its processor budget. */
  cpu: 82,
  /** The isolate ran over its memory limit. */
  memory: 83,
  /** The host sent what is no frame. */
  protocol: 84,
  /** A fault of the runner. */
  fault: 85,
} as const;

/** What a cell says on stderr before it ends for `CELL_EXIT.memory`: it cannot leave with a code then. */
export const OUT_OF_MEMORY_WORDS = 'the isolate ran out of memory';
