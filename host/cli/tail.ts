import { MagError } from '../../kernel/errors.ts';
import type { Json, JsonObject } from '../../manifests/json.ts';
import { objectIn } from './answer.ts';
import type { Query } from './client.ts';
import type { Session } from './session.ts';

export interface TailTarget {
  readonly path: string;
  readonly query: Query;
  readonly follow: boolean;
  /** The member that tells items apart. */
  readonly key: string;
  /** One line for a person. */
  readonly text: (item: JsonObject) => string;
}

/**
 * Shows what is there, oldest first, and with `follow` what comes after it. What is printed is a list, or,
 * followed, one item after the other (a line of JSON each): an endless list has no closing bracket.
 */
export async function tail(
  session: Session,
  target: TailTarget,
  readExisting: () => Promise<JsonObject[]>,
): Promise<void> {
  const { output } = session;
  if (!target.follow) {
    const items = await readExisting();
    output.print(items, () => items.map(target.text).join('\n') || '(none)');
    return;
  }
  const leave = new AbortController();
  try {
    // Open before the past is read: what happens in between waits in it, and nothing is missed.
    const stream = await session.client().events(target.path, target.query, leave.signal);
    const past = await readExisting();
    for (const item of past) output.printItem(item, () => target.text(item));
    const shown = new Set(past.map((item) => item[target.key]));
    for await (const { data } of stream) {
      const item = objectIn(JSON.parse(data) as Json);
      if (!shown.has(item[target.key])) output.printItem(item, () => target.text(item));
    }
  } finally {
    leave.abort();
  }
  throw new MagError('E_UNREACHABLE', 'the host ended the stream; it may be shutting down');
}
