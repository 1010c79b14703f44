import type { HostCalls } from '../../../manifests/protocol/calls.ts';
import { abortStateOf, onAbort } from './abort.ts';
import { base64Of } from './body.ts';
import type { Ask } from './context.ts';
import type { Field } from './form-encoding.ts';
import { addHeader, Headers, headerFields, makeImmutable } from './headers.ts';
import { append, asPlainJson, dictionary, GuestPromise, GuestTypeError } from './primordials.ts';
import { Request, type RequestInit, takeRequest } from './request.ts';
import { isNullBody, makeResponse, type Response } from './response.ts';
import { describeThrown, giveCode } from './wire-error.ts';

type Call = HostCalls['http.fetch'];
type Taken = ReturnType<typeof takeRequest>;
export type Fetch = (input: unknown, init?: RequestInit | null) => Promise<Response>;

/**
 * The platform's `fetch` over the host. Bodies come and go whole. What the host refuses is a TypeError, as a
 * network error is on the platform, with the `code` of the host on it.
 * @param ask makes host calls on behalf of the call this fetch belongs to
 */
export function createFetch(ask: Ask): Fetch {
  return async function fetch(input, init) {
    const taken = takeRequest(new Request(input, init));
    const { signal } = taken;
    if (abortStateOf(signal).aborted) throw abortStateOf(signal).reason;
    const params = paramsOf(taken);
    return await new GuestPromise<Response>((resolve, reject) => {
      // The host ends the request with its call; what comes after the abort is not looked at.
      onAbort(signal, () => reject(abortStateOf(signal).reason));
      void send(ask, params, taken.method, { resolve, reject });
    });
  };
}

async function send(
  ask: Ask,
  params: Call['params'],
  method: string,
  settle: { resolve: (response: Response) => void; reject: (error: unknown) => void },
): Promise<void> {
  try {
    settle.resolve(responseOf((await ask('http.fetch', params)) as Call['result'], method));
  } catch (thrown) {
    settle.reject(networkError(thrown));
  }
}

/** Serialised as it is: nothing that guest code put on a prototype is asked. */
function paramsOf({ url, method, headers, redirect, content }: Taken): Call['params'] {
  const pairs: [string, string][] = asPlainJson([]);
  const fields = headerFields(headers);
  for (let i = 0; i < fields.length; i++) {
    const { name, value } = fields[i] as Field;
    append(pairs, asPlainJson([name, value]) as [string, string]);
  }
  const params = dictionary() as Call['params'];
  params.url = url;
  params.method = method;
  params.headers = pairs;
  params.redirect = redirect;
  if (content !== null) params.body = base64Of(content);
  return params;
}

function responseOf(result: Call['result'], method: string): Response {
  const { status, statusText, url, redirected, headers, body } = result;
  const fields = new Headers();
  for (let i = 0; i < headers.length; i++) {
    const pair = headers[i] as readonly [string, string];
    addHeader(fields, pair[0], pair[1]);
  }
  const hasContent = !isNullBody(status) && method !== 'HEAD';
  return makeResponse(hasContent ? { kind: 'base64', text: body } : null, {
    type: 'basic',
    url,
    redirected,
    status,
    statusText,
    headers: makeImmutable(fields),
  });
}

function networkError(thrown: unknown): TypeError {
  const { code, message } = describeThrown(thrown);
  return giveCode(new GuestTypeError(message), code);
}
