import { MagError } from '../../../kernel/errors.ts';
import type { Json } from '../../../manifests/json.ts';
import { outOfBounds } from '../../../manifests/protocol/json-bounds.ts';
import { SchemaCompiler } from '../../../manifests/schema-compiler.ts';

const BOUNDS = { maxDepth: 64, maxMembers: 5_000 } as const;
const MAX_PAGE = 200;

/** Where a replay begins: above a number, or with an event or a time. */
export type ReplayStart =
  | { readonly sequence: number }
  | { readonly eventId: string }
  | { readonly time: string };

/** What a client may send; docs/guide/realtime.md. `id` comes back with the answer. */
export type ClientMessage = { readonly id?: string | number } & (
  | { readonly type: 'authenticate'; readonly token: string; readonly tenant?: string }
  | {
      readonly type: 'subscribe';
      readonly channel: string;
      readonly params?: Json;
      /** Also be told who comes and leaves. */
      readonly presence?: boolean;
    }
  | { readonly type: 'unsubscribe'; readonly channel: string }
  | { readonly type: 'presence'; readonly channel: string }
  | { readonly type: 'publish'; readonly channel: string; readonly data: Json }
  | {
      readonly type: 'history';
      readonly channel: string;
      readonly before?: number;
      readonly after?: number;
      readonly limit?: number;
    }
  | {
      readonly type: 'replay';
      readonly channel: string;
      readonly event: string;
      readonly from: ReplayStart;
      readonly limit?: number;
    }
);

const channel = {
  type: 'string',
  maxLength: 200,
  pattern: '^[a-z0-9][a-z0-9-]{1,38}/[a-z0-9][a-z0-9-]{1,62}/[a-z][a-z0-9_-]*$',
} as const;
const number = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;
const limit = { type: 'integer', minimum: 1, maximum: MAX_PAGE } as const;
const start = (key: string, schema: object) => ({
  type: 'object',
  additionalProperties: false,
  required: [key],
  properties: { [key]: schema },
});

function message(type: string, required: readonly string[], properties: Record<string, object>) {
  return {
    type: 'object',
    additionalProperties: false,
    required: ['type', ...required],
    properties: {
      type: { const: type },
      id: { anyOf: [{ type: 'string', maxLength: 100 }, { type: 'integer' }] },
      ...properties,
    },
  };
}

const compiler = new SchemaCompiler({ strict: true });
const CHECKS = new Map(
  [
    message('authenticate', ['token'], {
      token: { type: 'string', maxLength: 512 },
      tenant: { type: 'string', maxLength: 80 },
    }),
    message('subscribe', ['channel'], { channel, params: {}, presence: { type: 'boolean' } }),
    message('unsubscribe', ['channel'], { channel }),
    message('presence', ['channel'], { channel }),
    message('publish', ['channel', 'data'], { channel, data: {} }),
    message('history', ['channel'], { channel, before: number, after: number, limit }),
    message('replay', ['channel', 'event', 'from'], {
      channel,
      event: { type: 'string', maxLength: 160 },
      limit,
      from: {
        anyOf: [
          start('sequence', number),
          start('eventId', { type: 'string', pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' }),
          start('time', {
            type: 'string',
            pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$',
          }),
        ],
      },
    }),
  ].map((schema) => [schema.properties.type.const, compiler.later<ClientMessage>(schema)] as const),
);

/** @returns `null` for a text that is no JSON, or none that anybody means well with */
export function parseText(text: string): { readonly value: unknown } | null {
  if (outOfBounds(text, BOUNDS) !== null) return null;
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return null;
  }
}

/** @throws `E_BAD_REQUEST` */
export function checkMessage(value: unknown): ClientMessage {
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  const check = typeof type === 'string' ? CHECKS.get(type) : undefined;
  if (check === undefined)
    throw new MagError('E_BAD_REQUEST', `type is none of ${[...CHECKS.keys()].join(', ')}`);
  if (check(value)) return value;
  const [first] = check.errors ?? [];
  throw new MagError(
    'E_BAD_REQUEST',
    `${type}${first?.instancePath ?? ''} ${first?.message ?? 'is malformed'}`,
  );
}

/** The id a client gave its message, if it is one it may give: an answer carries it even when the rest is malformed. */
export function idOf(value: unknown): string | number | undefined {
  if (typeof value !== 'object' || value === null || !('id' in value)) return undefined;
  const { id } = value;
  if (typeof id === 'string' && id.length <= 100) return id;
  return Number.isSafeInteger(id) ? (id as number) : undefined;
}
