import semver from 'semver';
import schema from '../../manifests/manifest/manifest.schema.json' with { type: 'json' };
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { pathOf } from './client.ts';
import { printable } from './printable.ts';
import { UsageError } from './usage-error.ts';

// The schema itself, not its parser: that compiles all of it before any command could start.
const ID = new RegExp(schema.properties.id.pattern);

/** @throws UsageError */
export function toExtensionId(text: string): ExtensionId {
  if (isExtensionId(text)) return text;
  throw new UsageError(
    `"${printable(text)}" is no extension id: write <publisher>/<name>, each in lower case and of two letters or more`,
  );
}

/** `<id>` or `<id>@<range>`; no range means any version. @throws UsageError */
export function toExtensionRange(text: string): { id: ExtensionId; range: string } {
  const [id = '', range = '*', ...more] = text.split('@');
  if (more.length > 0 || semver.validRange(range) === null) {
    throw new UsageError(`"${printable(text)}" is no version range: write <publisher>/<name>@^1.2.0`);
  }
  return { id: toExtensionId(id), range };
}

/** A version, or a range of them. @throws UsageError */
export function toRange(text: string): string {
  if (semver.validRange(text) !== null) return text;
  throw new UsageError(`"${printable(text)}" is neither a file, a version nor a range such as ^1.2.0`);
}

/** Where the API serves an extension. */
export function extensionPath(id: ExtensionId, ...below: readonly string[]): string {
  return pathOf('v1', 'extensions', ...id.split('/'), ...below);
}

function isExtensionId(text: string): text is ExtensionId {
  return ID.test(text);
}
