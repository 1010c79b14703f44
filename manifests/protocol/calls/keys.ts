import type { Json } from '../../json.ts';
import type { PublicKeys } from '../../sdk/host-api.ts';
import { MAX_PAYLOAD_BYTES } from '../limits.ts';
import { type CallRow, object } from './row.ts';

export interface KeysCalls {
  /** Data and signatures are base64. A signature with P-256 is the two numbers of it, 64 bytes (IEEE P1363). A MAC has 32. */
  'keys.sign': { params: { key: string; data: string }; result: { signature: string; keyId: string } };
  'keys.verify': {
    /** Without `keyId` any version of the key will do. */
    params: { key: string; data: string; signature: string; keyId?: string };
    /** `keyId` is the version that made it; `null`: none did. */
    result: { valid: boolean; keyId: string | null };
  };
  'keys.publicKey': {
    params: { key: string };
    result: PublicKeys;
  };
  'keys.jws': {
    /** A text is signed as it is, any other payload as its JSON. */
    params: { key: string; payload: Json; header?: Record<string, Json> };
    result: { jws: string; keyId: string };
  };
}

const keyName = { type: 'string', pattern: '^[a-z][a-z0-9-]*$', maxLength: 63 } as const;
const base64 = { type: 'string', maxLength: MAX_PAYLOAD_BYTES } as const;

export const KEYS_ROWS = {
  'keys.sign': {
    adapter: { component: 'keys', hook: 'sign' },
    needs: { anyOf: ['system.keys'] },
    deadlineMs: 5_000,
    errors: ['E_KEY_UNKNOWN'],
    params: object({ key: keyName, data: base64 }, ['key', 'data']),
  },
  'keys.verify': {
    adapter: { component: 'keys', hook: 'verify' },
    needs: { anyOf: ['system.keys'] },
    deadlineMs: 5_000,
    errors: ['E_KEY_UNKNOWN'],
    params: object(
      {
        key: keyName,
        data: base64,
        signature: { type: 'string', maxLength: 512 },
        keyId: { type: 'string', maxLength: 64 },
      },
      ['key', 'data', 'signature'],
    ),
  },
  'keys.publicKey': {
    adapter: { component: 'keys', hook: 'publicKey' },
    needs: { anyOf: ['system.keys'] },
    deadlineMs: 5_000,
    errors: ['E_KEY_UNKNOWN'],
    params: object({ key: keyName }, ['key']),
  },
  'keys.jws': {
    adapter: { component: 'keys', hook: 'jws' },
    needs: { anyOf: ['system.keys'] },
    deadlineMs: 5_000,
    errors: ['E_KEY_UNKNOWN'],
    params: object({ key: keyName, payload: {}, header: { type: 'object', maxProperties: 20 } }, [
      'key',
      'payload',
    ]),
  },
} as const satisfies { readonly [C in keyof KeysCalls]: CallRow };
