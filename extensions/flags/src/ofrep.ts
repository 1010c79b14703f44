import type { Context, EndpointRequest, EndpointResponse, Json, JsonObject } from '#sdk';
import { type Attributes, attributesIn, EvaluationFailure, readAttributes, Work } from './context.ts';
import { readFlag } from './definition.ts';
import { evaluate } from './evaluate.ts';
import type { FlagCache, Snapshot } from './flag-cache.ts';
import { nameOf, placesOf } from './places.ts';
import { Refusal } from './problems.ts';
import type { StoredFlag } from './storage.ts';

/** The OpenFeature remote evaluation protocol (service/openapi.yaml of open-feature/protocol). */
export function ofrepEndpoints(cache: FlagCache) {
  return {
    'POST /ofrep/v1/evaluate/flags/:key': async (
      { params: { key = '' }, body }: EndpointRequest,
      ctx: Context,
    ) => {
      try {
        return { body: await evaluateOne(cache, ctx, key, readAttributes(body)) };
      } catch (failure) {
        return failureOf(failure, key);
      }
    },
    'POST /ofrep/v1/evaluate/flags': async ({ body, headers }: EndpointRequest, ctx: Context) => {
      try {
        const text = JSON.stringify({ flags: await evaluateAll(cache, ctx, readAttributes(body)) });
        const etag = `"${await digestOf(text)}"`;
        if (isKnown(headers['if-none-match'], etag)) return { status: 304, headers: { etag } };
        return { headers: { etag }, body: JSON.parse(text) as Json };
      } catch (failure) {
        return failureOf(failure);
      }
    },
  };
}

/** For other extensions: `{ key, context }`, answered as OFREP does. @throws what no error of OFREP is */
export async function evaluateFor(cache: FlagCache, ctx: Context, params: Json): Promise<Json> {
  const { key, context } = (params ?? {}) as { key?: Json; context?: Json };
  try {
    return await evaluateOne(cache, ctx, String(key), attributesIn(context));
  } catch (failure) {
    if (!(failure instanceof EvaluationFailure)) throw failure;
    return failedOf(failure, String(key));
  }
}

/** @throws `EvaluationFailure`, what routing refuses */
async function evaluateOne(
  cache: FlagCache,
  ctx: Context,
  key: string,
  attributes: Attributes,
): Promise<JsonObject> {
  const snapshots = await cache.read(ctx, placesOf(ctx.request));
  const flag = snapshots.map(({ flags }) => flags.get(key)).find((found) => found !== undefined);
  if (flag === undefined) throw new EvaluationFailure('FLAG_NOT_FOUND', 'there is no such flag');
  return evaluated(flag, attributes, new Work());
}

/** Each flag once, as the most specific place has it; those that fail say so. */
async function evaluateAll(cache: FlagCache, ctx: Context, attributes: Attributes): Promise<JsonObject[]> {
  const flags = mostSpecific(await cache.read(ctx, placesOf(ctx.request)));
  const work = new Work();
  return flags.map((flag) => {
    try {
      return evaluated(flag, attributes, work);
    } catch (failure) {
      if (!(failure instanceof EvaluationFailure)) throw failure;
      return failedOf(failure, flag.key);
    }
  });
}

function mostSpecific(snapshots: readonly Snapshot[]): StoredFlag[] {
  const flags = new Map<string, StoredFlag>();
  for (const snapshot of snapshots.toReversed())
    for (const [key, flag] of snapshot.flags) flags.set(key, flag);
  return [...flags.values()].sort((one, other) => (one.key < other.key ? -1 : 1));
}

function evaluated(
  { key, definition, version, place }: StoredFlag,
  attributes: Attributes,
  work: Work,
): JsonObject {
  const { value, variant, reason, rule } = evaluate(compiled(key, definition), attributes, work);
  const metadata = { version, scope: nameOf(place), ...(rule === null ? {} : { rule }) };
  return { key, reason, variant, value, metadata };
}

/** What another version of this extension wrote may be nothing this one knows. */
function compiled(key: string, definition: JsonObject | null) {
  try {
    return readFlag(key, definition);
  } catch (failure) {
    if (!(failure instanceof Refusal)) throw failure;
    throw new EvaluationFailure('PARSE_ERROR', `the flag cannot be evaluated: ${failure.message}`);
  }
}

/** With what the service cannot do as 500, which tells clients to use their default. @throws what nobody foresaw */
function failureOf(failure: unknown, key?: string): EndpointResponse {
  if (failure instanceof EvaluationFailure)
    return { status: failure.errorCode === 'FLAG_NOT_FOUND' ? 404 : 400, body: failedOf(failure, key) };
  if (!(failure instanceof Refusal)) throw failure;
  return {
    status: 500,
    body: failedOf(new EvaluationFailure('GENERAL', `${failure.code}: ${failure.message}`), key),
  };
}

function failedOf({ errorCode, message }: EvaluationFailure, key?: string): JsonObject {
  return { ...(key === undefined ? {} : { key }), errorCode, errorDetails: message };
}

async function digestOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return [...new Uint8Array(digest).subarray(0, 16)]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}

function isKnown(header: string | undefined, etag: string): boolean {
  const known = (header ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return known.includes(etag) || known.includes('*');
}
