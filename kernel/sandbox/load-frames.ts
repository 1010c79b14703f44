import type { CellLoad, HostFrame } from '../../manifests/protocol/frames.ts';

/** Characters of a module that fit a frame however they are escaped. */
const PART_CHARS = 100_000;

/** The frames that hand a module to a cell: as many pieces as it takes, the last one with the load itself. */
export function loadFrames(id: number, load: CellLoad): HostFrame[] {
  const frames: HostFrame[] = [];
  let at = 0;
  for (; load.code.length - at > PART_CHARS; at += PART_CHARS) {
    frames.push({ t: 'load-part', code: load.code.slice(at, at + PART_CHARS) });
  }
  return [...frames, { t: 'load', id, load: { ...load, code: load.code.slice(at) } }];
}
