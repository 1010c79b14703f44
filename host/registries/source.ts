import { createFolderSource } from './folder-source.ts';
import type { Registry } from './registries-file.ts';
import { createWebSource } from './web-source.ts';

/** Where the files of a registry are read from. What is read is believed nothing. */
export interface Source {
  /**
   * A whole file, by its path below the registry.
   * @param maxBytes more than these are never read
   * @returns `null` when there is none
   * @throws `E_REGISTRY` when it cannot be read, or is larger
   */
  read(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | null>;
}

export function openSource({ location }: Pick<Registry, 'location'>): Source {
  return /^https?:/.test(location) ? createWebSource(new URL(location)) : createFolderSource(location);
}
