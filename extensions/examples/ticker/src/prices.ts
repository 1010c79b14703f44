const LINE = /^([a-z][a-z0-9 -]{0,39}),(\d{1,9}(?:\.\d{1,2})?)$/i;
const MOST_LINES = 1_000;

/** Names and prices out of lines of `name,price`; `null` when there is none, or a line is anything else. */
export function readPrices(text: string): Record<string, number> | null {
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  if (lines.length === 0 || lines.length > MOST_LINES) return null;
  const found = lines.map((line) => LINE.exec(line));
  const prices: [string, number][] = [];
  for (const match of found) {
    if (match === null) return null;
    prices.push([match[1] ?? '', Number(match[2])]);
  }
  return Object.fromEntries(prices);
}
