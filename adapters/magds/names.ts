import { createHash } from 'node:crypto';
import { escapeIdentifier } from 'pg';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';

/** Postgres cuts longer names off, which would make two of them one. */
const MAX_NAME_BYTES = 63;

/**
 * The schema of an extension: `ext_<publisher>_<name>` with every `-` doubled to `__`.
 *
 * No two ids share one. A name starts with a letter or digit, so behind `ext_` exactly one run of underscores
 * is odd: the one that ends with the separator. What would be too long becomes `ext__…_<hash>`, and a name
 * that is not cut never starts with `ext__`.
 */
export function schemaName(extension: ExtensionId): string {
  const plain = `ext_${extension.replaceAll('-', '__').replace('/', '_')}`;
  if (plain.length <= MAX_NAME_BYTES) return plain;
  return `ext__${plain.slice(4, 40)}_${hash(extension, 20)}`;
}

/**
 * The LOGIN role of an extension. Roles belong to the whole server while extensions belong to one database,
 * so the hash keeps two MagFlock databases on one server apart.
 */
export function roleName(extension: ExtensionId, database: string): string {
  return `${schemaName(extension).slice(0, 46)}_${hash(`${database}\0${extension}`, 16)}`;
}

/** Several names as one qualified, quoted name. */
export function quoted(...parts: readonly string[]): string {
  return parts.map((part) => escapeIdentifier(part)).join('.');
}

function hash(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}
