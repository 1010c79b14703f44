import semver from 'semver';

/**
 * The version of a build that is on its way to the one in the manifest: `1.2.0-dev.<now>`. A host takes no
 * version below the highest it ever ran, so after that one it leads to the next patch: `1.2.1-dev.<now>`.
 * @param highest the highest version the host ever ran; `null`: none
 * @param now milliseconds; the later build gets the higher version
 */
export function devVersion(wanted: string, highest: string | null, now: number): string {
  const towards = (version: string) =>
    semver.prerelease(version) === null ? `${version}-dev.${now}` : `${version}.dev.${now}`;
  const own = towards(withoutBuild(wanted));
  if (highest === null || semver.gt(own, highest)) return own;
  const released = new semver.SemVer(highest);
  const { major, minor, patch } = released;
  const sameCore = towards(`${major}.${minor}.${patch}`);
  return semver.gt(sameCore, highest) ? sameCore : towards(`${major}.${minor}.${patch + 1}`);
}

function withoutBuild(version: string): string {
  return new semver.SemVer(version).version;
}
