import { MagError } from '../../../kernel/errors.ts';
import type { Json } from '../../../manifests/json.ts';
import { textIn } from '../answer.ts';
import type { HostProcess } from './host-process.ts';
import type { Narrator } from './narrator.ts';
import type { Mag } from './run-mag.ts';

/** What every act of the demo works with. */
export interface Scene {
  readonly folder: string;
  readonly host: HostProcess;
  readonly narrator: Narrator;
  readonly mag: Mag;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly body: Json;
}

/** A request as any client makes it, shown with its answer. */
export async function request({ host, narrator, signal }: Scene, path: string): Promise<Answer> {
  narrator.does(`curl -H "Authorization: Bearer …" ${host.url}${path}`);
  const headers = { authorization: `Bearer ${host.token}` };
  const response = await fetch(host.url + path, {
    headers,
    signal: AbortSignal.any([signal, AbortSignal.timeout(15_000)]),
  });
  const text = await response.text();
  const body = parse(text);
  const code = textIn(body, 'code');
  narrator.shows(`${response.status} ${code ? `${code}: ${textIn(body, 'detail')}` : text}`);
  return { status: response.status, body };
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new MagError('E_INTERNAL', 'the demo got an answer that is not JSON', { cause });
  }
}

/** The story must be true: what is not as told ends it. @throws `E_INTERNAL` naming the claim */
export function prove({ narrator }: Scene, claim: string, holds: boolean, found: unknown): void {
  if (!holds) {
    const got = JSON.stringify(found)?.slice(0, 500) ?? 'nothing';
    throw new MagError('E_INTERNAL', `the demo expected: ${claim}; found: ${got}`);
  }
  narrator.proves(claim);
}
