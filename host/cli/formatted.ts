import { Writable } from 'node:stream';
import type { Json } from '../../manifests/json.ts';
import { objectIn, textIn } from './answer.ts';
import { pathOf } from './client.ts';
import { globalOptions, isContributed } from './contributed.ts';
import { printableLines } from './printable.ts';
import { createProgram } from './program.ts';
import { Reported } from './reported.ts';
import { createSession } from './session.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** The output format of an extension that a command line asks for; `null`: one of ours. */
export function formatIn(argv: readonly string[]): string | null {
  const at = argv.findIndex((word) => word === '--output' || word === '-o');
  const inOne = argv.find((word) => word.startsWith('--output='))?.slice('--output='.length);
  const format = inOne ?? (at < 0 ? undefined : argv[at + 1]);
  return format !== undefined && isContributed(format) ? format : null;
}

/** Runs a command for its JSON and has the extension write that. @throws UsageError for what has no end */
export async function runFormatted(
  terminal: Terminal,
  format: string,
  run: (terminal: Terminal) => Promise<void>,
): Promise<void> {
  const chunks: Buffer[] = [];
  const stdout = new Writable({
    write: (chunk, _encoding, done) => {
      chunks.push(Buffer.from(chunk));
      done();
    },
  }) as unknown as Terminal['stdout']; // no terminal: nothing of one is asked for
  const argv = terminal.argv.map((word) => word.replace(format, 'json'));
  const refused = await run({ ...terminal, argv, stdout }).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (refused !== null && !(refused instanceof Reported)) throw refused;
  const answer = parse(Buffer.concat(chunks).toString(), format);
  const session = createSession(terminal, globalOptions(createProgram(terminal), terminal.argv));
  const [id = '', name = ''] = format.split(':');
  const said = await session
    .client()
    .send('POST', pathOf('v1', 'formats', ...id.split('/'), name), { answer });
  terminal.stdout.write(`${printableLines(textIn(objectIn(said), 'text'))}\n`);
  if (refused !== null) throw refused;
}

function parse(text: string, format: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new UsageError(`this command has no one answer that ${format} could write`);
  }
}
