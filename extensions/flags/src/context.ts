import type { Json, JsonObject } from '#sdk';

/** Why a flag has no value: an error code of OpenFeature. */
export class EvaluationFailure extends Error {
  readonly errorCode:
    | 'PARSE_ERROR'
    | 'TARGETING_KEY_MISSING'
    | 'INVALID_CONTEXT'
    | 'FLAG_NOT_FOUND'
    | 'GENERAL';

  constructor(errorCode: EvaluationFailure['errorCode'], detail: string) {
    super(detail);
    this.name = 'EvaluationFailure';
    this.errorCode = errorCode;
  }
}

/** Who or what is asked for: `targetingKey` and everything else that a client says. */
export type Attributes = JsonObject;

const MAX_CONTEXT_CHARS = 65_536;
const MAX_KEY_CHARS = 1_024;
const MAX_WORK = 200_000;

/** What the evaluations of one request may cost together: flags and contexts of a tenant must not hold up others. */
export class Work {
  #left = MAX_WORK;

  /** @throws `GENERAL` */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0)
      throw new EvaluationFailure('GENERAL', 'evaluating these flags for this context takes too much work');
  }
}

/** The context of `{ context }`, as OFREP has it. @throws `PARSE_ERROR`, `INVALID_CONTEXT` */
export function readAttributes(body: Json): Attributes {
  if (body !== null && !isObject(body))
    throw new EvaluationFailure('PARSE_ERROR', 'the body is no JSON object');
  return attributesIn(body?.context);
}

/** @throws `INVALID_CONTEXT` */
export function attributesIn(context: Json | undefined): Attributes {
  if (context === undefined || context === null) return {};
  const failure = (detail: string) => new EvaluationFailure('INVALID_CONTEXT', detail);
  if (!isObject(context)) throw failure('context is no object');
  if (JSON.stringify(context).length > MAX_CONTEXT_CHARS) throw failure('context is larger than 64 KiB');
  const { targetingKey } = context;
  if (Object.hasOwn(context, 'targetingKey') && targetingKey !== null) {
    if (typeof targetingKey !== 'string' || targetingKey.length > MAX_KEY_CHARS)
      throw failure(`targetingKey is no text of at most ${MAX_KEY_CHARS} characters`);
  }
  return context;
}

/** A member by its name, or by the names on the way to it: `user.plan`. */
export function attributeAt(attributes: Attributes, path: string): Json | undefined {
  if (Object.hasOwn(attributes, path)) return known(attributes[path]);
  let value: Json | undefined = attributes;
  for (const name of path.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return known(value);
}

/** `null` says nothing. */
function known(value: Json | undefined): Json | undefined {
  return value === null ? undefined : value;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
