import type { Json } from '../../json.ts';
import { type CallRow, object } from './row.ts';

export interface ExtensionsCalls {
  'extensions.call': {
    params: { extension: string; method: string; params?: Json };
    /** `thrown`: an error with a code of the callee's own, which is part of what it answers. */
    result: { value: Json } | { thrown: { code: string; message: string } };
  };
}

export const EXTENSIONS_ROWS = {
  // What it takes is in the two manifests: a dependency of the caller, an export of the callee.
  'extensions.call': {
    needs: 'none',
    deadlineMs: 30_000,
    errors: ['E_DEPENDENCY', 'E_EXPORT', 'E_CALLEE', 'E_NOT_ENABLED', 'E_QUARANTINED'],
    params: object(
      {
        extension: { type: 'string', minLength: 3, maxLength: 103 },
        method: { type: 'string', minLength: 1, maxLength: 80 },
        params: {},
      },
      ['extension', 'method'],
    ),
  },
} as const satisfies { readonly [C in keyof ExtensionsCalls]: CallRow };
