import type { HostFunctions } from './host-functions.ts';
import { GuestRangeError, GuestTypeError, isView, parseInteger, sliceText } from './primordials.ts';

const MAX_BYTES = 65_536;

/** The part of WebCrypto that makes random values. */
export function createCrypto(host: HostFunctions): {
  randomUUID(): string;
  getRandomValues<View>(view: View): View;
} {
  return {
    randomUUID() {
      const hex = host.random(16);
      // RFC 9562, version 4: fixed version nibble, two variant bits.
      const variant = ((parseInteger(sliceText(hex, 16, 17), 16) & 3) | 8).toString(16);
      const part = (from: number, to: number) => sliceText(hex, from, to);
      return `${part(0, 8)}-${part(8, 12)}-4${part(13, 16)}-${variant}${part(17, 20)}-${part(20, 32)}`;
    },
    getRandomValues(view) {
      const bytes = writableBytes(view);
      const hex = host.random(bytes.length);
      for (let i = 0; i < bytes.length; i++) bytes[i] = parseInteger(sliceText(hex, i * 2, i * 2 + 2), 16);
      return view;
    },
  };
}

function writableBytes(view: unknown): Uint8Array {
  const isFloat = view instanceof Float32Array || view instanceof Float64Array || view instanceof DataView;
  if (!isView(view) || isFloat) throw new GuestTypeError('getRandomValues needs an integer typed array');
  if (view.byteLength > MAX_BYTES) throw new GuestRangeError(`more than ${MAX_BYTES} bytes`);
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
