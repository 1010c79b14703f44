import type { CellOwner } from '../sandbox/cell.ts';
import { createStackMap } from '../sandbox/stack-map.ts';
import type { LoadedPackage } from '../trust/verify.ts';

/** An owner whose log names the lines the author wrote: by the source map in the verified package. */
export function mappedOwner(owner: CellOwner, { manifest, files }: LoadedPackage): CellOwner {
  const { id, entry } = manifest;
  const map = createStackMap(`${id}/index.js`, entry, files.get(`${entry}.map`));
  return {
    ...owner,
    // The fields are JSON text; what a position becomes has no character that JSON would escape.
    log: (level, message, fields, request) => owner.log(level, map(message), map(fields), request),
  };
}
