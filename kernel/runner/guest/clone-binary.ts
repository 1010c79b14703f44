import { namedError } from './named-error.ts';
import {
  Buffer,
  Bytes,
  bufferMaxSize,
  bufferSize,
  isBuffer,
  isDetached,
  isResizable,
  isView,
  setBytes,
  typedArrayName,
  typedLength,
  viewParts,
} from './primordials.ts';
import { NewDataView, TYPED_ARRAYS } from './slots.ts';
import type { CloneMember, Remember } from './structured-clone.ts';

/** The clone of a buffer or a view; views of one buffer are views of one clone. */
export function cloneBinary(value: object, member: CloneMember, remember: Remember): object | undefined {
  if (isBuffer(value)) return remember(cloneBuffer(value));
  if (!isView(value)) return undefined;
  const { buffer, offset, size } = viewParts(value);
  const copy = member(buffer) as ArrayBuffer;
  const name = typedArrayName(value);
  if (name === undefined) return remember(new NewDataView(copy, offset, size));
  const View = TYPED_ARRAYS[name];
  return View === undefined ? undefined : remember(new View(copy, offset, typedLength(value)));
}

function cloneBuffer(buffer: ArrayBuffer): ArrayBuffer {
  if (isDetached(buffer))
    throw namedError('DataCloneError', 'An ArrayBuffer is detached and could not be cloned.');
  const size = bufferSize(buffer);
  const copy = isResizable(buffer)
    ? new Buffer(size, { maxByteLength: bufferMaxSize(buffer) })
    : new Buffer(size);
  setBytes(new Bytes(copy), new Bytes(buffer));
  return copy;
}
