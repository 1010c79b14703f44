const VERSION = /^v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z.-]{1,128}))?(?:\+[0-9A-Za-z.-]{1,128})?$/;

export interface Version {
  readonly numbers: readonly number[];
  /** What comes before the release: `['rc', '1']`; none: the release itself. */
  readonly before: readonly string[];
}

/** `null`: it is none. */
export function versionIn(text: unknown): Version | null {
  const found = typeof text === 'string' ? VERSION.exec(text) : null;
  if (found === null) return null;
  return { numbers: found.slice(1, 4).map(Number), before: found[4]?.split('.') ?? [] };
}

/** Below 0: the one is older (Semantic Versioning 2.0, clause 11). */
export function compareVersions(one: Version, other: Version): number {
  for (let i = 0; i < 3; i += 1) {
    const difference = (one.numbers[i] ?? 0) - (other.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  if (one.before.length === 0 || other.before.length === 0) return other.before.length - one.before.length;
  for (let i = 0; i < Math.min(one.before.length, other.before.length); i += 1) {
    const difference = compareParts(one.before[i] ?? '', other.before[i] ?? '');
    if (difference !== 0) return difference;
  }
  return one.before.length - other.before.length;
}

/** Numbers come before words. */
function compareParts(one: string, other: string): number {
  const [isNumber, isOther] = [/^\d+$/.test(one), /^\d+$/.test(other)];
  if (isNumber && isOther) return Number(one) - Number(other);
  if (isNumber !== isOther) return isNumber ? -1 : 1;
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
