import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { MagError } from '../../kernel/errors.ts';
import type { Source } from './source.ts';

const { O_RDONLY, O_NONBLOCK } = constants;

/** A registry that is a folder of this machine, or a share that is mounted here. */
export function createFolderSource(folder: string): Source {
  return {
    async read(path, maxBytes, signal) {
      signal.throwIfAborted();
      try {
        // O_NONBLOCK: should it be a pipe, opening it must not wait for somebody to write.
        await using handle = await open(join(folder, path), O_RDONLY | O_NONBLOCK);
        const found = await handle.stat();
        if (!found.isFile()) throw new MagError('E_REGISTRY', `${path} is no file`);
        if (found.size > maxBytes) throw new MagError('E_REGISTRY', `${path} is larger than it may be`);
        const content = Buffer.alloc(found.size); // no more, should it grow meanwhile
        const { bytesRead } = await handle.read(content, 0, found.size, 0);
        return content.subarray(0, bytesRead);
      } catch (cause) {
        if (cause instanceof MagError) throw cause;
        const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
        if (code === 'ENOENT' || code === 'ENOTDIR') return null;
        throw new MagError('E_REGISTRY', `${path} cannot be read (${code})`, { cause });
      }
    },
  };
}
