/** What a publisher knows of what it asked for. */
export interface Said {
  readonly id: string;
  /** `null`: nobody answered, so it may have been published or not. */
  readonly sequence: number | null;
}

/** One delivery, in the order the consumer wrote them down. */
export interface Heard {
  readonly id: string;
  readonly sequence: number;
}

/** One event of the log, in order. */
export interface Logged {
  readonly id: string;
  readonly sequence: number;
}

export interface Histories {
  readonly said: readonly Said[];
  readonly log: readonly Logged[];
  readonly heard: readonly Heard[];
  readonly deadLetters: readonly string[];
  /** Times something was killed. */
  readonly faults: number;
  /** How far one fault may set a subscription back. */
  readonly maxRewind: number;
}

/** Reads the histories of a run and names everything that breaks the promise of the bus (spec 05). */
export function violations(histories: Histories): string[] {
  return [
    ...lost(histories),
    ...invented(histories),
    ...misnumbered(histories),
    ...disordered(histories),
    ...repeated(histories),
  ];
}

/** Every acknowledged event is in the log at its number, and was delivered or is a dead letter. */
function lost({ said, log, heard, deadLetters }: Histories): string[] {
  const logged = new Map(log.map(({ id, sequence }) => [id, sequence]));
  const arrived = new Set([...heard.map(({ id }) => id), ...deadLetters]);
  const acknowledged = said.filter(({ sequence }) => sequence !== null);
  return [
    ...acknowledged
      .filter(({ id, sequence }) => logged.get(id) !== sequence)
      .map(({ id, sequence }) => `${id} was acknowledged as ${sequence} and is ${logged.get(id)} in the log`),
    ...log
      .filter(({ id }) => !arrived.has(id))
      .map(({ id }) => `${id} is in the log and was never delivered`),
  ];
}

function invented({ said, log, heard }: Histories): string[] {
  const asked = new Set(said.map(({ id }) => id));
  const logged = new Map(log.map(({ id, sequence }) => [id, sequence]));
  return [
    ...log.filter(({ id }) => !asked.has(id)).map(({ id }) => `${id} is in the log and nobody published it`),
    ...heard
      .filter(({ id, sequence }) => logged.get(id) !== sequence)
      .map(({ id, sequence }) => `${id} was delivered as ${sequence} and is not that in the log`),
  ];
}

function misnumbered({ log }: Histories): string[] {
  const ids = new Set(log.map(({ id }) => id));
  return [
    ...(ids.size === log.length ? [] : ['an event is in the log twice']),
    ...log
      .filter(({ sequence }, index) => index > 0 && sequence <= (log[index - 1]?.sequence ?? 0))
      .map(({ id }) => `${id} is not behind the event before it`),
  ];
}

/** Each delivery is the next of the log, or a step back to one that was delivered already. */
function disordered({ log, heard }: Histories): string[] {
  const indexOf = new Map(log.map(({ id }, index) => [id, index]));
  const found: string[] = [];
  let last = -1;
  let furthest = -1;
  for (const { id } of heard) {
    const index = indexOf.get(id) ?? -1;
    const isNext = index === last + 1;
    if (!isNext && index > furthest) found.push(`${id} was delivered before what comes before it`);
    last = index;
    furthest = Math.max(furthest, index);
  }
  return found;
}

/** Duplicates come in steps back, one for a fault at most, and each is short. */
function repeated({ log, heard, faults, maxRewind }: Histories): string[] {
  const indexOf = new Map(log.map(({ id }, index) => [id, index]));
  const rewinds: number[] = [];
  let last = -1;
  for (const { id } of heard) {
    const index = indexOf.get(id) ?? -1;
    if (index <= last) rewinds.push(last - index + 1);
    last = index;
  }
  return [
    ...(rewinds.length <= faults ? [] : [`${rewinds.length} steps back for ${faults} faults`]),
    ...rewinds.filter((far) => far > maxRewind).map((far) => `a step back of ${far} events`),
  ];
}
