import { text as readAll } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import { MagError } from '../../kernel/errors.ts';
import type { Json, JsonObject } from '../../manifests/json.ts';
import { objectIn, objectsIn, textIn } from './answer.ts';
import { pathOf } from './client.ts';
import { nearest } from './nearest.ts';
import { printable, printableLines } from './printable.ts';
import { Reported } from './reported.ts';
import { createSession, type GlobalOptions, type Session } from './session.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** `acme/hello:greet`: no command of ours has a slash in its name, so none can be mistaken for one of these. */
const CONTRIBUTED = /^([a-z0-9][a-z0-9-]{1,38})\/([a-z0-9][a-z0-9-]{1,62}):([a-z][a-z0-9-]*)$/;
/** What helps is asked for beside the help itself: a host that is slow, or none, must not keep anybody from that. */
const HELP_DEADLINE_MS = 1_000;
const MAX_STDIN_CHARS = 262_144;

/** Whether it is the name of something that an extension adds: of a command, or of an output format. */
export function isContributed(text: string): boolean {
  return CONTRIBUTED.test(text);
}

/**
 * Adds the command of an extension that the command line names, as the host describes it.
 * @throws `E_NOT_FOUND`, `E_UNREACHABLE`
 */
export async function addContributed(program: Command, terminal: Terminal): Promise<void> {
  const name = contributedIn(program, terminal.argv);
  if (name === null) return;
  const session = sessionOf(program, terminal);
  const listed = objectsIn(objectIn(await session.client().get('/v1/commands')).commands);
  const found = listed.find((row) => nameOf(row) === name);
  if (found === undefined) throw unknown(name, listed.map(nameOf));
  addCommand(program, found, terminal);
}

/** Shows what extensions have to say of a command of ours, where its help is asked for and a host answers. */
export async function addHelpTexts(program: Command, terminal: Terminal): Promise<void> {
  const { argv } = terminal;
  const wantsHelp = argv.some((word) => word === '--help' || word === '-h') || argv[0] === 'help';
  const command = program.commands.find((known) => argv.includes(known.name()));
  if (!wantsHelp || command === undefined) return;
  try {
    const asked = sessionOf(program, terminal).client().get('/v1/commands');
    const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), HELP_DEADLINE_MS).unref());
    const answer = await Promise.race([asked, late]);
    if (answer === null) return;
    for (const row of objectsIn(objectIn(answer).help)) {
      if (row.command !== command.name()) continue;
      const said = printableLines(textIn(row, 'text')).replaceAll('\n', '\n  ');
      command.addHelpText('after', `\nFrom ${textIn(row, 'extension')}:\n  ${said}`);
    }
  } catch {
    // Help of ours needs no host.
  }
}

/** The first word that is a command: one of ours, or of an extension. */
function contributedIn(program: Command, argv: readonly string[]): string | null {
  const ours = new Set(program.commands.map((command) => command.name()));
  const word = argv.find((candidate) => ours.has(candidate) || isContributed(candidate));
  const [first, second] = argv;
  if (first === 'help' && second !== undefined && isContributed(second)) return second;
  return word !== undefined && isContributed(word) && !isOutput(argv, word) ? word : null;
}

function isOutput(argv: readonly string[], word: string): boolean {
  const before = argv[argv.indexOf(word) - 1];
  return before === '--output' || before === '-o';
}

function sessionOf(program: Command, terminal: Terminal): Session {
  return createSession(terminal, globalOptions(program, terminal.argv));
}

/** The options that every command takes, wherever they stand; what else there is, is not looked at. */
export function globalOptions(program: Command, argv: readonly string[]): GlobalOptions {
  const known = program.createCommand('mag').allowUnknownOption();
  for (const option of program.options) known.addOption(option);
  known.parseOptions([...argv]);
  const { output: _any, ...options } = known.opts<GlobalOptions>();
  return options;
}

function addCommand(program: Command, row: JsonObject, terminal: Terminal): void {
  const args = objectsIn(row.args);
  const options = objectsIn(row.options);
  program.commandsGroup('Commands of extensions:');
  const command = program.command(nameOf(row)).description(printable(textIn(row, 'description')));
  for (const arg of args) {
    const dots = arg.variadic === true ? '...' : '';
    const name = `${textIn(arg, 'name')}${dots}`;
    command.argument(
      arg.required === true ? `<${name}>` : `[${name}]`,
      printable(textIn(arg, 'description')),
    );
  }
  for (const option of options) command.addOption(optionOf(option));
  command.action(async (...given: unknown[]) => {
    const typed = command.opts<Record<string, unknown>>();
    const session = createSession(terminal, command.optsWithGlobals<GlobalOptions>());
    const body = {
      args: collect(args, (_, index) => given[index]),
      options: collect(options, ({ name }) => typed[camel(String(name))]),
      stdin: await piped(terminal),
    };
    const [id = '', name = ''] = nameOf(row).split(':');
    const said = await session.client().send('POST', pathOf('v1', 'commands', ...id.split('/'), name), body);
    show(session, objectIn(said));
  });
}

function optionOf(row: JsonObject): Option {
  const name = textIn(row, 'name');
  const short = textIn(row, 'short');
  const flags = `${short === '' ? '' : `-${short}, `}--${name}${row.type === 'boolean' ? '' : ` <${name}>`}`;
  const option = new Option(flags, printable(textIn(row, 'description')));
  if (Array.isArray(row.choices)) option.choices(row.choices.map(String));
  return option.makeOptionMandatory(row.required === true);
}

/** Each in the type that the manifest says; what was not typed is left out. @throws UsageError */
function collect(
  rows: readonly JsonObject[],
  read: (row: JsonObject, index: number) => unknown,
): Record<string, Json> {
  const entries = rows.map((row, index) => [row, read(row, index)] as const);
  return Object.fromEntries(
    entries
      .filter(([row, value]) => value !== undefined && !(row.variadic === true && isEmpty(value)))
      .map(([row, value]) => [textIn(row, 'name'), typedAs(row, value)]),
  );
}

function typedAs(row: JsonObject, value: unknown): Json {
  if (Array.isArray(value)) return value.map((one) => typedAs(row, one));
  if (row.type === 'boolean') return value === true;
  if (row.type === 'string') return String(value);
  const number = Number(value);
  const isGood =
    String(value).trim() !== '' &&
    (row.type === 'integer' ? Number.isSafeInteger(number) : Number.isFinite(number));
  if (isGood) return number;
  throw new UsageError(
    `${textIn(row, 'name')} takes ${row.type === 'integer' ? 'a whole number' : 'a number'}`,
  );
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** What another program pipes in. @throws UsageError */
async function piped({ stdin }: Terminal): Promise<string | null> {
  if (stdin.isTTY) return null;
  const text = await readAll(stdin);
  if (text.length > MAX_STDIN_CHARS)
    throw new UsageError(`at most ${MAX_STDIN_CHARS} characters are taken on stdin`);
  return text === '' ? null : text;
}

function show(session: Session, said: JsonObject): void {
  const text = textIn(said, 'text');
  const { data = null } = said;
  session.output.print(data ?? { text }, () => printableLines(text === '' ? textOf(data) : text));
  if (said.exitCode === 1) throw new Reported();
}

function textOf(data: Json): string {
  return data === null ? '' : JSON.stringify(data, null, 2);
}

function nameOf(row: JsonObject): string {
  return `${textIn(row, 'extension')}:${textIn(row, 'name')}`;
}

function unknown(name: string, names: readonly string[]): MagError {
  const hint = names.length === 0 ? 'There is none.' : `Did you mean "${nearest(name, names)}"?`;
  return new MagError('E_NOT_FOUND', `no extension on the host has the command ${name}. ${hint}`);
}

function camel(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
