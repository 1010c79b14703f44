/**
 * Whether a statement assigns to a list of columns at once: `SET (a, b) = …`. `tokens` are the texts the
 * scanner found, without comments. A comparison of rows behind a comma looks the same and counts as one.
 */
export function hasRowAssignment(tokens: readonly string[]): boolean {
  const open: { readonly assigned: boolean; commas: number }[] = [];
  let before = '';
  for (const [at, token] of tokens.entries()) {
    if (token === '(' || token === '[') {
      open.push({ assigned: token === '(' && /^(set|,)$/i.test(before), commas: 0 });
    } else if (token === ')' || token === ']') {
      const closed = open.pop();
      if (closed?.assigned && closed.commas > 0 && tokens[at + 1] === '=') return true;
    } else if (token === ',') {
      const inner = open.at(-1);
      if (inner !== undefined) inner.commas += 1;
    }
    before = token;
  }
  return false;
}
