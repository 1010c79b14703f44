import { CommanderError } from 'commander';
import { toMagError } from '../../kernel/errors.ts';
import type { Code } from '../../manifests/catalog/index.ts';
import { addContributed, addHelpTexts } from './contributed.ts';
import { formatIn, runFormatted } from './formatted.ts';
import { printable, printableJson } from './printable.ts';
import { createProgram } from './program.ts';
import { Reported } from './reported.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** 0 done; 1 refused, with a code; 2 called wrongly. */
export type ExitCode = 0 | 1 | 2;

/** Runs one command line to its end and reports what went wrong. Never throws. */
export async function runCli(terminal: Terminal): Promise<ExitCode> {
  try {
    const format = formatIn(terminal.argv);
    if (format === null) await run(terminal);
    else await runFormatted(terminal, format, run);
    return 0;
  } catch (thrown) {
    if (thrown instanceof CommanderError && isHelp(thrown)) {
      if (thrown.exitCode === 0) return 0;
      if (wantsJson(terminal.argv)) report(terminal, 'E_USAGE', 'no command was named');
      return 2;
    }
    if (thrown instanceof Reported) return 1;
    const usage = usageOf(thrown);
    if (usage !== null) return reportUsage(terminal, usage);
    const error = toMagError(thrown, codeOfFile(thrown) ?? 'E_INTERNAL', messageForPeople(thrown));
    report(terminal, error.code, error.message);
    return 1;
  }
}

async function run(terminal: Terminal): Promise<void> {
  const program = createProgram(terminal);
  await addContributed(program, terminal);
  await addHelpTexts(program, terminal);
  await program.parseAsync(terminal.argv, { from: 'user' });
}

/** Help was printed: because it was asked for, or (exit code 1) because no command was named. */
function isHelp(thrown: CommanderError): boolean {
  return thrown.code.startsWith('commander.help') || thrown.code === 'commander.version';
}

function usageOf(thrown: unknown): string | null {
  if (thrown instanceof UsageError) return thrown.message;
  if (thrown instanceof CommanderError) return thrown.message.replace(/^error: /, '');
  return null;
}

function reportUsage(terminal: Terminal, detail: string): ExitCode {
  report(terminal, 'E_USAGE', detail);
  if (!wantsJson(terminal.argv)) terminal.stderr.write('See "mag --help", or "mag help <command>".\n');
  return 2;
}

function report(terminal: Terminal, code: Code, detail: string): void {
  if (!wantsJson(terminal.argv)) {
    terminal.stderr.write(`error ${code}: ${printable(detail)}\n`);
    return;
  }
  const body = JSON.stringify({ error: { code, detail } }, null, 2);
  terminal.stdout.write(`${printableJson(body)}\n`);
}

/** Read from the words themselves: an error may come before the options were parsed. */
function wantsJson(argv: readonly string[]): boolean {
  return argv.some((word, at) => {
    // Short options may be written as one word: -yo json, -yojson.
    const option = /^(?:--output(?:=(.+)?)?|-y*o(.+)?)$/.exec(word);
    return option !== null && (option[1] ?? option[2] ?? argv[at + 1]) === 'json';
  });
}

/** A file that cannot be read or written as what it is, and a disk that is full, are no faults of this program. */
function codeOfFile(thrown: unknown): Code | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  if (thrown.code === 'ENOSPC' || thrown.code === 'EDQUOT') return 'E_FILE';
  if (!('path' in thrown)) return undefined;
  return NAMED_FILE.includes(String(thrown.code)) ? 'E_BAD_REQUEST' : undefined;
}

const NAMED_FILE = ['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'EEXIST', 'EISDIR', 'ENOTDIR', 'ENAMETOOLONG'];

/** A fault of this program or of the machine it runs on. */
function messageForPeople(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : 'the command failed';
}
