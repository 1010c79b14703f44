import { web } from './lent.ts';
import { namedError } from './named-error.ts';
import {
  bytesIn,
  execute,
  numberToText,
  parseInteger,
  sliceText,
  typedArrayName,
  typedLength,
} from './primordials.ts';

const MAX_BYTES = 65_536;
const INTEGERS = /^(?:Big)?(?:Int|Uint)/;

/** RFC 9562, version 4. */
export function randomUUID(): string {
  const hex = web().random(16);
  // Fixed version nibble, two variant bits.
  const variant = numberToText((parseInteger(sliceText(hex, 16, 17), 16) & 3) | 8, 16);
  const part = (from: number, to: number) => sliceText(hex, from, to);
  return `${part(0, 8)}-${part(8, 12)}-4${part(13, 16)}-${variant}${part(17, 20)}-${part(20, 32)}`;
}

/** @throws Errors named `TypeMismatchError` and `QuotaExceededError`, as the platform */
export function getRandomValues<View>(view: View): View {
  const bytes = writableBytes(view);
  const size = typedLength(bytes);
  const hex = web().random(size);
  for (let i = 0; i < size; i++) bytes[i] = parseInteger(sliceText(hex, i * 2, i * 2 + 2), 16);
  return view;
}

function writableBytes(view: unknown): Uint8Array {
  const name = typeof view === 'object' && view !== null ? typedArrayName(view) : undefined;
  const bytes = bytesIn(view);
  if (name === undefined || bytes === undefined || execute(INTEGERS, name) === null)
    throw namedError('TypeMismatchError', 'getRandomValues needs an integer typed array');
  if (typedLength(bytes) > MAX_BYTES) throw namedError('QuotaExceededError', `more than ${MAX_BYTES} bytes`);
  return bytes;
}
