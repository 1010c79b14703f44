import type { FileEntry, Files } from '../../../manifests/sdk/host-api.ts';
import type { Ask } from './context.ts';
import { transcode } from './lent.ts';
import { binaryText, bytesIn, bytesOfBinary, freeze, GuestTypeError } from './primordials.ts';

/** `ctx.files`: text crosses as it is, bytes as base64. */
export function createFiles(ask: Ask): Files {
  const read = async (path: string, encoding: string) =>
    ((await ask('files.read', { path, encoding })) as { content: string }).content;
  return freeze({
    read: (path: string) => read(path, 'utf8'),
    readBytes: async (path: string) =>
      bytesOfBinary(transcode(await read(path, 'base64'), 'base64', 'latin1')),
    write: async (path: string, content: string | Uint8Array) =>
      (await ask('files.write', { path, ...encoded(content) })) as { sizeBytes: number },
    list: async (path?: string, options: { after?: string; limit?: number } = {}) => {
      const { after, limit } = options;
      return ((await ask('files.list', { path, after, limit })) as { entries: FileEntry[] }).entries;
    },
    remove: async (path: string) => ((await ask('files.remove', { path })) as { removed: boolean }).removed,
    temp: async (suffix?: string) => ((await ask('files.temp', { suffix })) as { path: string }).path,
  });
}

function encoded(content: unknown): { content: string; encoding: string } {
  if (typeof content === 'string') return { content, encoding: 'utf8' };
  const bytes = bytesIn(content);
  if (bytes === undefined) throw new GuestTypeError('a file is written from text or bytes');
  return { content: transcode(binaryText(bytes), 'latin1', 'base64'), encoding: 'base64' };
}
