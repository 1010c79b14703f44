import { createInterface } from 'node:readline/promises';
import { MagError } from '../../kernel/errors.ts';
import type { Session } from './session.ts';
import { UsageError } from './usage-error.ts';

/**
 * Asks a person for a yes. `--yes` is one.
 * @throws UsageError when there is no terminal to ask on, `E_APPROVAL` when the answer was no
 */
export async function confirm(session: Session, question: string): Promise<void> {
  if (session.yes) return;
  const { stdin, stderr } = session.terminal;
  if (!stdin.isTTY) throw new UsageError('there is no terminal to ask on: pass --yes to go ahead');
  // On stderr, so that a question never becomes part of the answer.
  const prompt = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await prompt.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new MagError('E_APPROVAL', 'not confirmed: nothing was done');
  } finally {
    prompt.close();
  }
}
