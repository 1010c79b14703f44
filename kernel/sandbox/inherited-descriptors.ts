import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** `O_CLOEXEC`: the descriptor ends with the program, and no other one inherits it. */
const CLOSE_ON_EXEC = 0o2000000;
/** Standard streams and the channel: what a cell is given on purpose. */
const GIVEN = 3;
/** Each one up to the highest costs a little at every start. */
const HIGHEST = 4_096;

/**
 * Descriptors of the host, beyond those a cell is given, that every program it starts would inherit: Node
 * opens none such, but whoever started the host may have left some open.
 * @returns `null` where the system does not tell, or there are some too high to be covered
 */
export function inheritedDescriptors(): number[] | null {
  if (!existsSync('/proc/self/fdinfo')) return null;
  const leaked = readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd > GIVEN && isInherited(fd));
  return leaked.every((fd) => fd <= HIGHEST) ? leaked : null;
}

function isInherited(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
    return (Number.parseInt(flags ?? '0', 8) & CLOSE_ON_EXEC) === 0;
  } catch {
    // It was that of the listing.
    return false;
  }
}
