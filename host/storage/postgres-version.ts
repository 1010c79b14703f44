/** The first release of each major version with the fixes this host counts on (spec 01). */
const FLOORS: ReadonlyMap<number, number> = new Map([
  [15, 19],
  [16, 15],
  [17, 11],
  [18, 6],
]);

/**
 * Why a Postgres runs degraded, or `null` when it is good.
 * @param versionNum `server_version_num`: 180006 for 18.6
 */
export function postgresDegradation(versionNum: number): string | null {
  const major = Math.floor(versionNum / 10_000);
  const minor = versionNum % 10_000;
  const oldest = Math.min(...FLOORS.keys());
  if (major < oldest) return `Postgres ${major}.${minor} is older than ${oldest}, the oldest one supported.`;
  const floor = FLOORS.get(major);
  if (floor === undefined || minor >= floor) return null;
  return `Postgres ${major}.${minor} lacks security fixes of ${major}.${floor}.`;
}
