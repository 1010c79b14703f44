/** The end of a command's help: how it is called in practice. */
export function example(...lines: readonly string[]): string {
  const title = lines.length > 1 ? 'Examples:' : 'Example:';
  return `\n${title}\n${lines.map((line) => `  $ mag ${line}`).join('\n')}`;
}
