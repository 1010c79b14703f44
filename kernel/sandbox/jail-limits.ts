/** Megabytes a cell may occupy beside its guest before the system, not the watchdog, refuses it more. */
const OVERHEAD_MB = 192;
/**
 * Written to by nobody, yet counted by the system as data: 1 GiB that Node sets aside for itself, and half a
 * GiB that V8 does for the machine code of every isolate.
 */
const RESERVED_MB = 6_144;
/** Node holds about twenty of its own. */
const OPEN_FILES = 64;
/** Node starts about ten. */
const THREADS = 64;

/** Resident megabytes at which the system ends or refuses a cell whose guest may have this much. */
export function residentLimitMb(memoryMb: number): number {
  return Math.ceil(memoryMb * 1.5) + OVERHEAD_MB;
}

/**
 * Arguments of `prlimit`. The address space stays open, V8 reserves more of it than it ever uses; `--data`
 * counts what could be written to: a wide bound, for the burst that is over before the watchdog looks.
 * @param ownUid whether the account is this cell's alone: the system counts threads by account
 */
export function limitArguments(memoryMb: number, ownUid: boolean): string[] {
  const dataBytes = (residentLimitMb(memoryMb) + RESERVED_MB) * 1_048_576;
  return [
    '--core=0',
    '--fsize=0',
    '--memlock=0',
    '--msgqueue=0',
    `--nofile=${OPEN_FILES}`,
    `--data=${dataBytes}`,
    ...(ownUid ? [`--nproc=${THREADS}`] : []),
  ];
}
