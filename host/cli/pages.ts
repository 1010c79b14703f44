import type { JsonObject } from '../../manifests/json.ts';
import { objectIn, objectsIn } from './answer.ts';
import type { Client, Query } from './client.ts';

/** The most the API hands out in one answer. */
const MAX_PAGE = 1_000;

/** A list of the API, page after page by its `next`, until it ends or there are enough. */
export async function readPages(
  client: Client,
  path: string,
  member: string,
  { limit = Number.POSITIVE_INFINITY, ...query }: Query & { readonly limit?: number } = {},
): Promise<JsonObject[]> {
  const items: JsonObject[] = [];
  let answer = objectIn(await client.get(path, { ...query, limit: Math.min(limit, MAX_PAGE) }));
  for (;;) {
    items.push(...objectsIn(answer[member]));
    if (typeof answer.next !== 'string' || items.length >= limit) return items.slice(0, limit);
    answer = objectIn(await client.get(answer.next));
  }
}
