import { printable } from '../printable.ts';
import { paint } from '../terminal.ts';

/** Tells the story on stdout. */
export interface Narrator {
  /** A new act, numbered. */
  act(title: string): void;
  /** A command or request as it is about to be made. */
  does(what: string): void;
  /** What came of it, line by line. */
  shows(text: string): void;
  /** A claim of the story that was just checked. */
  proves(claim: string): void;
  /** The last line. */
  ends(text: string): void;
}

export function createNarrator(stdout: NodeJS.WriteStream): Narrator {
  let acts = 0;
  return {
    act: (title) => stdout.write(`\n${++acts}. ${title}\n`),
    does: (what) => stdout.write(`   $ ${what}\n`),
    shows: (text) => {
      for (const line of text.trimEnd().split('\n')) stdout.write(`     ${printableLine(line)}\n`);
    },
    proves: (claim) => stdout.write(`   ${paint(stdout, 'ok', '✓')} ${claim}\n`),
    ends: (text) => stdout.write(`\n${text}\n`),
  };
}

/** Word by word, which keeps the blanks that align a table. */
function printableLine(line: string): string {
  return line.split(' ').map(printable).join(' ').trimEnd();
}
