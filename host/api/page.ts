/** The address of the next page: `/v1/audit?before=120&limit=50`. Members that are `undefined` are left out. */
export function pageAddress(
  path: string,
  query: Readonly<Record<string, string | number | undefined>>,
): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, String(value));
  }
  return `${path}?${search}`;
}

/** One page of a list that is in memory, ordered by key, after the given key. */
export function pageOf<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  { after, limit }: { after?: string | undefined; limit: number },
): { page: Item[]; last: string | null } {
  const sorted = items
    .filter((item) => after === undefined || keyOf(item) > after)
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const page = sorted.slice(0, limit);
  const final = page.at(-1);
  return { page, last: sorted.length > limit && final !== undefined ? keyOf(final) : null };
}
