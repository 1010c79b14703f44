import type { DeclaredContext as Context } from './context.ts';
import type { CommandResult, EndpointRequest, EndpointResponse, Invocation } from './define-extension.ts';
import { ExtensionError } from './errors.ts';

/** With which codes an extension says no, and how they are answered. */
export interface RefusalRules<Code extends string = string> {
  /** What the type of every problem begins with: `urn:acme:shop`. */
  readonly type: string;
  /** The status of each code. An `ExtensionError` with any other is a fault, as every other error is. */
  readonly statuses: Readonly<Record<Code, number>>;
  /** What host calls and other extensions throw, as one of these codes: `{ E_NOT_FOUND: 'NOT_FOUND' }`. Default: faults. */
  readonly foreign?: Readonly<Record<string, NoInfer<Code>>>;
  /** What is sent beside a problem, the ETag of what is there for one. Default: nothing. */
  readonly headers?: (refusal: Error) => Readonly<Record<string, string>>;
}

/** Wrap handlers: a refusal they throw is told to whoever asked. Faults are thrown on; the host tells nobody of them. */
export interface Refusals {
  /**
   * Answers `{ type, title, status, code, detail, traceId }` as `application/problem+json` (RFC 9457); `detail` is the
   * message. What is thrown while a body streams comes too late for that.
   */
  readonly endpoint: <Params = Readonly<Record<string, string>>>(
    handler: (request: EndpointRequest<Params>, ctx: Context) => Promise<EndpointResponse> | EndpointResponse,
  ) => (request: EndpointRequest<Params>, ctx: Context) => Promise<EndpointResponse>;
  /** Says `CODE: message` to people and `{ error: { code, detail } }` to programs, with exit code 1. */
  readonly command: (
    handler: (invocation: Invocation, ctx: Context) => Promise<CommandResult> | CommandResult,
  ) => (invocation: Invocation, ctx: Context) => Promise<CommandResult>;
}

/** How an extension tells that it refuses something: handlers throw an `ExtensionError`, and these wrappers answer it. */
export function refusals<Code extends string>(rules: RefusalRules<Code>): Refusals {
  return {
    endpoint: (handler) => async (request, ctx) => {
      try {
        return await handler(request, ctx);
      } catch (thrown) {
        return problemOf(rules, refusalIn(rules, thrown), ctx.request?.traceId ?? '');
      }
    },
    command: (handler) => async (invocation, ctx) => {
      try {
        return await handler(invocation, ctx);
      } catch (thrown) {
        const { code, error } = refusalIn(rules, thrown);
        // As every other error of mag is said with --output json.
        const data = { error: { code, detail: error.message } };
        return { text: `${code}: ${error.message}`, data, exitCode: 1 };
      }
    },
  };
}

interface Refused<Code> {
  readonly code: Code;
  readonly error: Error;
}

function problemOf<Code extends string>(
  { type, statuses, headers }: RefusalRules<Code>,
  { code, error }: Refused<Code>,
  traceId: string,
): EndpointResponse {
  const status = statuses[code];
  return {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers?.(error) },
    body: { type: `${type}:${code}`, title: code, status, code, detail: error.message, traceId },
  };
}

/** @throws what is none: an error of somebody else with a code like ours would say what nobody meant to tell */
function refusalIn<Code extends string>(rules: RefusalRules<Code>, thrown: unknown): Refused<Code> {
  if (!(thrown instanceof Error) || !('code' in thrown)) throw thrown;
  const { code } = thrown;
  if (thrown instanceof ExtensionError && isIn(code, rules.statuses)) return { code, error: thrown };
  const { foreign = {} } = rules;
  if (isIn(code, foreign)) return { code: foreign[code] as Code, error: thrown };
  throw thrown;
}

function isIn<Key extends string>(code: unknown, table: Readonly<Record<Key, unknown>>): code is Key {
  return typeof code === 'string' && Object.hasOwn(table, code);
}
