/** What one case measured: how much more (or less) than its baseline, in the same run. */
export interface Row {
  readonly suite: string;
  readonly name: string;
  /** What it is compared with. */
  readonly against: string;
  readonly ratio: number;
  /** What it should be (spec 11), such as `>= 1.5`. */
  readonly aim: string;
  /** The numbers behind it, for the eye: they travel badly. */
  readonly detail: string;
}

export type Report = (row: Omit<Row, 'suite'>) => void;

/** How long is looked at each thing. */
export interface Effort {
  readonly rounds: number;
  readonly roundMs: number;
  /** `--quick`: fewer of what takes long. */
  readonly quick: boolean;
}

export interface Suite {
  readonly name: string;
  run(report: Report, effort: Effort): Promise<void>;
}

/** Calls a thing with so many at a time for so long. @returns calls in a second */
export async function rate(
  inFlight: number,
  ms: number,
  work: (n: number) => Promise<unknown>,
): Promise<number> {
  let done = 0;
  let n = 0;
  const startedAt = performance.now();
  const until = startedAt + ms;
  const loop = async () => {
    while (performance.now() < until) {
      await work(n++);
      done++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  return done / ((performance.now() - startedAt) / 1_000);
}

/** Measures two things in turns, so that whatever else the machine does hits both. @returns the middle of each */
export async function sideBySide(
  rounds: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<[ours: number, theirs: number]> {
  const seen: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    seen[0].push(await ours());
    seen[1].push(await theirs());
  }
  return [middle(seen[0]), middle(seen[1])];
}

function middle(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
