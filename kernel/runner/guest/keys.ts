import type { Json } from '../../../manifests/json.ts';
import type { Keys, PublicKeys } from '../../../manifests/sdk/host-api.ts';
import type { Ask } from './context.ts';
import { transcode } from './lent.ts';
import { binaryText, bytesIn, bytesOfBinary, freeze, GuestTypeError } from './primordials.ts';

/** `ctx.keys`: data and signatures cross as base64. */
export function createKeys(ask: Ask): Keys {
  return freeze({
    sign: async (key: string, data: string | Uint8Array) => {
      const { signature, keyId } = (await ask('keys.sign', { key, data: base64Of(data) })) as {
        signature: string;
        keyId: string;
      };
      return { signature: bytesOfBinary(transcode(signature, 'base64', 'latin1')), keyId };
    },
    verify: async (
      key: string,
      data: string | Uint8Array,
      signature: Uint8Array,
      options?: { readonly keyId?: string },
    ) => {
      const params = { key, data: base64Of(data), signature: base64Of(signature), keyId: options?.keyId };
      return ((await ask('keys.verify', params)) as { valid: boolean }).valid;
    },
    publicKey: async (key: string) => (await ask('keys.publicKey', { key })) as PublicKeys,
    jws: async (key: string, payload: Json, header?: Readonly<Record<string, Json>>) =>
      ((await ask('keys.jws', { key, payload, header })) as { jws: string }).jws,
  });
}

function base64Of(data: unknown): string {
  if (typeof data === 'string') return transcode(data, 'utf8', 'base64');
  const bytes = bytesIn(data);
  if (bytes === undefined) throw new GuestTypeError('what is signed is text or bytes');
  return transcode(binaryText(bytes), 'latin1', 'base64');
}
