import type { FileEntry, Files } from '../../../manifests/sdk/host-api.ts';
import { atob, btoa } from './base64.ts';
import type { Ask } from './context.ts';
import { charCodeAt, freeze, fromCharCode, GuestTypeError } from './primordials.ts';

/** `ctx.files`: text crosses as it is, bytes as base64. */
export function createFiles(ask: Ask): Files {
  const read = async (path: string, encoding: string) =>
    ((await ask('files.read', { path, encoding })) as { content: string }).content;
  return freeze({
    read: (path: string) => read(path, 'utf8'),
    readBytes: async (path: string) => bytesOf(atob(await read(path, 'base64'))),
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

function encoded(content: string | Uint8Array): { content: string; encoding: string } {
  if (typeof content === 'string') return { content, encoding: 'utf8' };
  if (!(content instanceof Uint8Array))
    throw new GuestTypeError('a file is written from text or a Uint8Array');
  let binary = '';
  for (let i = 0; i < content.length; i++) binary += fromCharCode(content[i] as number);
  return { content: btoa(binary), encoding: 'base64' };
}

function bytesOf(binary: string): Uint8Array {
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = charCodeAt(binary, i);
  return bytes;
}
