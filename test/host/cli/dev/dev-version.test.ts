import semver from 'semver';
import { describe, expect, it } from 'vitest';
import { devVersion } from '../../../../host/cli/dev/dev-version.ts';

describe('the version of a build in development', () => {
  it.each([
    ['1.2.0', null, '1.2.0-dev.7'],
    ['1.2.0', '1.1.9', '1.2.0-dev.7'],
    ['1.2.0', '1.2.0-dev.6', '1.2.0-dev.7'],
    ['1.2.0', '1.2.0', '1.2.1-dev.7'],
    ['1.2.0', '1.2.1-dev.6', '1.2.1-dev.7'],
    ['1.2.0', '1.2.1-rc.1', '1.2.2-dev.7'],
    ['1.2.0', '3.0.0', '3.0.1-dev.7'],
    ['1.3.0-beta.1', '1.2.0', '1.3.0-beta.1.dev.7'],
    ['1.3.0-beta.1', '1.3.0', '1.3.1-dev.7'],
    ['1.2.0+build', '1.1.0', '1.2.0-dev.7'],
  ])('of %s on a host that ran %s is %s', (wanted, highest, expected) => {
    expect(devVersion(wanted, highest, 7)).toBe(expected);
    if (highest !== null) expect(semver.gt(expected, highest)).toBe(true);
  });
});
