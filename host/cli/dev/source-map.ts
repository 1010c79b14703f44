import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type EncodedSourceMap, TraceMap } from '@jridgewell/trace-mapping';
import { MagError } from '../../../kernel/errors.ts';

/** From the bundled module of an extension to the files its author wrote, as `file:` addresses. */
export interface AuthorMap {
  readonly trace: TraceMap;
  /** The comment that tells a debugger about the map, with the map in it. */
  readonly trailer: string;
}

/**
 * The source map that packing left beside the entry; `null` for an entry written by hand.
 * @throws `E_PKG_INVALID` when it is no source map
 */
export async function readAuthorMap(dir: string, entry: string): Promise<AuthorMap | null> {
  const file = join(dir, `${entry}.map`);
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return null;
  let map: EncodedSourceMap;
  try {
    map = JSON.parse(text) as EncodedSourceMap;
    const sources = map.sources.map((source) => addressOf(source, file));
    // Absolute, so that an editor finds the files whatever it takes the address of the module to be.
    map = { ...map, sources, sourceRoot: '' };
    return { trace: new TraceMap(map), trailer: trailerOf(map) };
  } catch (cause) {
    throw new MagError('E_PKG_INVALID', `${entry}.map is no source map`, { cause });
  }
}

function addressOf(source: string | null, mapFile: string): string | null {
  return source === null ? null : pathToFileURL(resolve(dirname(mapFile), source)).href;
}

function trailerOf(map: EncodedSourceMap): string {
  const encoded = Buffer.from(JSON.stringify(map)).toString('base64');
  return `//# sourceMappingURL=data:application/json;base64,${encoded}`;
}
