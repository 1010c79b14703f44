import type { CommandResult, Context, Invocation, Json, JsonObject } from '#sdk';
import { keyIn } from './definition.ts';
import { byKey, merged, viewOf } from './endpoints.ts';
import type { FlagCache } from './flag-cache.ts';
import { type Flags, flagAt } from './flags.ts';
import { evaluateFor } from './ofrep.ts';
import { placeIn } from './places.ts';
import { invalid, said } from './problems.ts';
import { members } from './shapes.ts';
import { readPlace, type StoredFlag } from './storage.ts';

type Command = (invocation: Invocation, ctx: Context) => Promise<CommandResult>;

/** They change a flag whatever its version is: who types has no ETag. */
export function flagCommands(flags: Flags, cache: FlagCache): Readonly<Record<string, Command>> {
  const change = (to: (known: JsonObject, invocation: Invocation) => Json) =>
    said(async (invocation, ctx) => {
      const [place, key] = [placeIn(invocation.options), keyIn(invocation.args.key)];
      return shown(
        await flags.change(ctx, place, key, 'present', (known) => to(known?.definition ?? {}, invocation)),
      );
    });
  return {
    list: said(async ({ options }, ctx) => {
      const { flags: kept } = await readPlace(ctx, placeIn(options));
      const sorted = kept.toSorted(byKey);
      return { text: sorted.map(lineOf).join('\n') || 'none', data: sorted.map(viewOf) };
    }),
    get: said(async ({ args, options }, ctx) => shown(await flagAt(ctx, placeIn(options), keyIn(args.key)))),
    set: said(async ({ args, options, stdin }, ctx) => {
      const definition = jsonIn(args.definition ?? stdin ?? '{"type":"boolean"}');
      const { key = args.key, ...rest } = members(definition, 'a flag');
      if (key !== args.key) throw invalid('the definition is one of another flag');
      return shown(await flags.change(ctx, placeIn(options), keyIn(key), 'any', () => rest));
    }),
    enable: change((known) => ({ ...known, enabled: true })),
    disable: change((known) => ({ ...known, enabled: false })),
    rollout: change((known, { args, options }) => {
      const weights = weightsIn(args.weights);
      const rollout = weights === null ? null : { weights, ...(options.by ? { by: options.by } : {}) };
      return merged(known, { rollout });
    }),
    remove: said(async ({ args, options }, ctx) => {
      const removed = await flags.remove(ctx, placeIn(options), keyIn(args.key), 'present');
      return { text: `removed ${removed.key}`, data: { key: removed.key, version: removed.version } };
    }),
    evaluate: said(async ({ args, options }, ctx) => {
      const context = { ...members(jsonIn(options.context ?? '{}'), 'context') } as JsonObject;
      if (options.targeting !== undefined) context.targetingKey = options.targeting;
      const answer = (await evaluateFor(cache, ctx, { key: args.key ?? null, context })) as JsonObject;
      const { errorCode, errorDetails, value, variant, reason } = answer;
      if (errorCode !== undefined)
        return { text: `${String(errorCode)}: ${String(errorDetails)}`, data: answer, exitCode: 1 };
      return { text: `${JSON.stringify(value)} (${String(variant)}, ${String(reason)})`, data: answer };
    }),
  };
}

/** Of `on=10 off=90`; `null` for `none`. */
function weightsIn(words: Json | undefined): JsonObject | null {
  const given = Array.isArray(words) ? words.map(String) : [];
  if (given.length === 1 && given[0] === 'none') return null;
  return Object.fromEntries(
    given.map((word) => {
      const at = word.lastIndexOf('=');
      const weight = Number(word.slice(at + 1));
      if (at < 1 || word.endsWith('=') || Number.isNaN(weight))
        throw invalid(`${JSON.stringify(word.slice(0, 80))} is no <variant>=<weight>`);
      return [word.slice(0, at), weight];
    }),
  );
}

function jsonIn(text: Json): Json {
  try {
    return JSON.parse(String(text)) as Json;
  } catch {
    throw invalid('that is no JSON');
  }
}

function shown(flag: StoredFlag): CommandResult {
  return { text: JSON.stringify(viewOf(flag), null, 2), data: viewOf(flag) };
}

function lineOf({ key, version, definition }: StoredFlag): string {
  const state = definition?.enabled === true ? 'enabled' : 'disabled';
  return `${key}: ${String(definition?.type)}, ${state}, version ${version}`;
}
