import { MAX_PAYLOAD_BYTES } from '../limits.ts';
import { type CallRow, object } from './row.ts';

export interface HttpCalls {
  'http.fetch': {
    params: {
      url: string;
      method?: string;
      headers?: [name: string, value: string][];
      /** Base64. */
      body?: string;
      redirect?: 'follow' | 'error' | 'manual';
      timeoutMs?: number;
    };
    /** `url` is the one that answered, behind redirects; `body` is base64, decompressed. */
    result: {
      status: number;
      statusText: string;
      url: string;
      redirected: boolean;
      headers: [name: string, value: string][];
      body: string;
    };
  };
}

export const HTTP_ROWS = {
  'http.fetch': {
    adapter: { component: 'network', hook: 'fetch' },
    needs: { anyOf: ['network.outbound'] },
    deadlineMs: 30_000,
    errors: ['E_NET', 'E_NET_FORBIDDEN', 'E_LIMIT_EGRESS'],
    params: object(
      {
        url: { type: 'string', minLength: 1, maxLength: 8_192 },
        method: { type: 'string', minLength: 1, maxLength: 32 },
        headers: {
          type: 'array',
          maxItems: 100,
          items: { type: 'array', minItems: 2, maxItems: 2, items: { type: 'string', maxLength: 16_384 } },
        },
        body: { type: 'string', maxLength: MAX_PAYLOAD_BYTES },
        redirect: { enum: ['follow', 'error', 'manual'] },
        timeoutMs: { type: 'integer', minimum: 1, maximum: 30_000 },
      },
      ['url'],
    ),
  },
} as const satisfies { readonly [C in keyof HttpCalls]: CallRow };
