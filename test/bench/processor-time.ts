import { readFile } from 'node:fs/promises';

/** Of the clock that the system counts it with. */
const TICK_US = 10_000;

/**
 * Microseconds of processor time that a process and those below it have used so far: a host and its cells, without its
 * database. `NaN` where the system does not tell.
 */
export async function processorUs(pid: number): Promise<number> {
  const [own, children] = await Promise.all([ownUs(pid), childrenOf(pid)]);
  const below = await Promise.all(children.map(processorUs));
  return below.reduce((total, us) => total + us, own);
}

async function ownUs(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  // Behind the name, which may have anything in it: the 14th and the 15th field of all.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'latin1').catch(() => '');
  const children = text.split(' ').filter(Boolean).map(Number);
  const names = await Promise.all(
    children.map((child) => readFile(`/proc/${child}/comm`, 'latin1').catch(() => '')),
  );
  return children.filter((_, at) => !names[at]?.startsWith('postgres'));
}
