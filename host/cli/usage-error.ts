/** The command was called wrongly: exit 2, with a hint at its help. Nothing was done. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
