import type { VersionContribution } from '../../../manifests/manifest/manifest.ts';

/** What every answer of a version tells clients of its end: RFC 9745 and RFC 8594. */
export function versionNotices({
  deprecated,
  sunset,
}: Pick<VersionContribution, 'deprecated' | 'sunset'>): readonly (readonly [name: string, value: string])[] {
  return [
    ...(deprecated === undefined ? [] : [['deprecation', `@${Date.parse(deprecated) / 1_000}`] as const]),
    ...(sunset === undefined ? [] : [['sunset', new Date(sunset).toUTCString()] as const]),
  ];
}
