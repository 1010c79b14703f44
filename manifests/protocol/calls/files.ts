import type { FileEntry } from '../../sdk/host-api.ts';
import { MAX_PAYLOAD_BYTES } from '../limits.ts';
import { type CallRow, object } from './row.ts';

export interface FilesCalls {
  'files.read': {
    params: { path: string; encoding?: FileEncoding };
    result: { content: string; sizeBytes: number };
  };
  'files.write': {
    params: { path: string; content: string; encoding?: FileEncoding };
    result: { sizeBytes: number };
  };
  'files.list': {
    /** `after` is the name the page before ended with. */
    params: { path?: string; after?: string; limit?: number };
    result: { entries: FileEntry[] };
  };
  'files.remove': { params: { path: string }; result: { removed: boolean } };
  /** A path below `temp/` that nobody has. */
  'files.temp': { params: { suffix?: string }; result: { path: string } };
}

/** How the bytes of a file are written as text. */
export type FileEncoding = 'utf8' | 'base64';

const path = { type: 'string', minLength: 1, maxLength: 512 } as const;
const encoding = { enum: ['utf8', 'base64'] } as const;

export const FILES_ROWS = {
  'files.read': {
    adapter: { component: 'files', hook: 'read' },
    needs: { anyOf: ['filesystem.read', 'filesystem.temp_only'] },
    deadlineMs: 5_000,
    errors: ['E_FILE', 'E_FILE_PATH', 'E_NOT_FOUND'],
    params: object({ path, encoding }, ['path']),
  },
  'files.write': {
    adapter: { component: 'files', hook: 'write' },
    needs: { anyOf: ['filesystem.write', 'filesystem.temp_only'] },
    deadlineMs: 5_000,
    errors: ['E_FILE', 'E_FILE_PATH', 'E_FILE_QUOTA', 'E_NOT_FOUND'],
    params: object({ path, content: { type: 'string', maxLength: MAX_PAYLOAD_BYTES }, encoding }, [
      'path',
      'content',
    ]),
  },
  'files.list': {
    adapter: { component: 'files', hook: 'list' },
    needs: { anyOf: ['filesystem.read', 'filesystem.temp_only'] },
    deadlineMs: 5_000,
    errors: ['E_FILE', 'E_FILE_PATH', 'E_NOT_FOUND'],
    params: object(
      {
        path: { type: 'string', maxLength: 512 },
        after: { type: 'string', maxLength: 255 },
        limit: { type: 'integer', minimum: 1, maximum: 1_000 },
      },
      [],
    ),
  },
  'files.remove': {
    adapter: { component: 'files', hook: 'remove' },
    needs: { anyOf: ['filesystem.write', 'filesystem.temp_only'] },
    deadlineMs: 10_000,
    errors: ['E_FILE', 'E_FILE_PATH', 'E_NOT_FOUND'],
    params: object({ path }, ['path']),
  },
  'files.temp': {
    adapter: { component: 'files', hook: 'temp' },
    needs: { anyOf: ['filesystem.write', 'filesystem.temp_only'] },
    deadlineMs: 2_000,
    errors: ['E_FILE', 'E_FILE_PATH'],
    params: object({ suffix: { type: 'string', maxLength: 64 } }, []),
  },
} as const satisfies { readonly [C in keyof FilesCalls]: CallRow };
