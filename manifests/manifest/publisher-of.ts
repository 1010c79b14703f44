import type { ExtensionId } from './manifest.ts';

/** Whose an extension or a bundle is: the first segment of its id. */
export function publisherOf(id: ExtensionId): string {
  return id.slice(0, id.indexOf('/'));
}
