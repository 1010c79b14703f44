import type { Json } from '../../manifests/json.ts';
import type { GuestTarget } from '../../manifests/protocol/frames.ts';
import { outOfBounds } from '../../manifests/protocol/json-bounds.ts';
import { MAX_JSON_DEPTH, MAX_JSON_MEMBERS } from '../../manifests/protocol/limits.ts';
import { MagError } from '../errors.ts';
import type { GuestCall, InvokeOptions } from './cell.ts';
import { protocolBroken } from './cell-errors.ts';
import { HostTime } from './host-time.ts';
import type { RunningCell } from './running-cell.ts';

const BOUNDS = { maxDepth: MAX_JSON_DEPTH, maxMembers: MAX_JSON_MEMBERS } as const;

type Cell = Pick<RunningCell, 'call' | 'kill'>;

/**
 * Calls into a cell with a value and hands its answer back as one.
 * @param time where it is counted how long this keeps the host
 */
export async function invokeIn(
  cell: Cell,
  target: GuestTarget,
  payload: Json,
  options: InvokeOptions,
  time = new HostTime(),
): Promise<Json> {
  const reply = await time.measure(() => cell.call(target, JSON.stringify(payload), options));
  return time.measure(() => parseReply(reply, cell));
}

/** Makes calls of which each is begun when the one before it has succeeded. Their answers stay the text they are. */
export function invokeInTurn(
  cell: Pick<RunningCell, 'callInTurn'>,
  calls: readonly GuestCall[],
  time: HostTime,
): Promise<string>[] {
  return cell.callInTurn(
    time.measure(() => calls.map((call) => ({ ...call, payload: JSON.stringify(call.payload) }))),
  );
}

function parseReply(text: string, cell: Cell): Json {
  const reason = outOfBounds(text, BOUNDS);
  if (reason === 'deep')
    throw new MagError('E_EXTENSION', `the result is nested deeper than ${MAX_JSON_DEPTH}`);
  if (reason === 'wide')
    throw new MagError('E_LIMIT_OUTPUT', `the result has more than ${MAX_JSON_MEMBERS} members`);
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    const error = protocolBroken(cause);
    cell.kill(error);
    throw error;
  }
}
