import type { GuestShape } from '../../manifests/protocol/frames.ts';
import type { MagError } from '../errors.ts';
import type { RunningCell } from './running-cell.ts';

/** A cell that has loaded its module and run what has to run before calls are let in. */
export interface LaunchedExtension {
  readonly cell: RunningCell;
  readonly shape: GuestShape;
}

/** Where the program of an extension is between its first start and its end. */
export type Phase =
  | { readonly is: 'new' }
  | { readonly is: 'starting'; readonly started: Promise<GuestShape> }
  | ({ readonly is: 'running' } & LaunchedExtension)
  /** Dead, to be running again: `ready` settles with the restart or the end of trying. */
  | { readonly is: 'restarting'; readonly ready: PromiseWithResolvers<RunningCell> }
  | { readonly is: 'over'; readonly error: MagError };

/** For a phase that nobody may be waiting in. */
export function newReady(): PromiseWithResolvers<RunningCell> {
  const ready = Promise.withResolvers<RunningCell>();
  ready.promise.catch(() => undefined);
  return ready;
}
