import { createInterface } from 'node:readline/promises';
import { MagError } from '../../kernel/errors.ts';
import type { Session } from './session.ts';
import { UsageError } from './usage-error.ts';

/**
 * Asks a person for a line.
 * @param fallback what an empty answer means
 * @throws UsageError when there is no terminal to ask on
 */
export async function askFor(session: Session, question: string, fallback = ''): Promise<string> {
  const { stdin, stderr } = session.terminal;
  if (!stdin.isTTY) throw new UsageError(`there is no terminal to ask on: ${question}?`);
  const answer = await ask(stdin, stderr, `${question}${fallback === '' ? '' : ` [${fallback}]`}: `);
  return answer.trim() || fallback;
}

/**
 * Asks a person for a yes. `--yes` is one.
 * @throws UsageError when there is no terminal to ask on, `E_APPROVAL` when the answer was no
 */
export async function confirm(session: Session, question: string): Promise<void> {
  if (session.yes) return;
  const { stdin, stderr } = session.terminal;
  if (!stdin.isTTY) throw new UsageError('there is no terminal to ask on: pass --yes to go ahead');
  // On stderr, so that a question never becomes part of the answer.
  const answer = await ask(stdin, stderr, `${question} [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw new MagError('E_APPROVAL', 'not confirmed: nothing was done');
}

/** What is typed; nothing when the person leaves with Ctrl-C or Ctrl-D. */
async function ask(input: NodeJS.ReadStream, output: NodeJS.WriteStream, text: string): Promise<string> {
  const prompt = createInterface({ input, output });
  const left = new AbortController();
  prompt.once('close', () => left.abort());
  prompt.once('SIGINT', () => prompt.close());
  try {
    return await prompt.question(text, { signal: left.signal });
  } catch (error) {
    if (left.signal.aborted) return '';
    throw error;
  } finally {
    prompt.close();
  }
}
