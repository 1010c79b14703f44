import { MagError } from '../../../kernel/errors.ts';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import type { CommandContribution } from '../../../manifests/manifest/manifest.ts';
import { type Check, SchemaCompiler } from '../../../manifests/schema-compiler.ts';

/** What was typed, as the command line sends it. */
export interface Typed {
  readonly args: JsonObject;
  readonly options: JsonObject;
  readonly stdin: string | null;
}

const MAX_TEXT = 8_192;
const MAX_MANY = 200;

const compiler = new SchemaCompiler({ strict: true });
const checks = new WeakMap<CommandContribution, Check>();

/**
 * What a handler is given, once it is what the manifest says.
 * @throws `E_PARAMS` naming the argument or option
 */
export function invocationOf(command: CommandContribution, { args, options, stdin }: Typed): Json {
  const check = checks.get(command) ?? compiler.compile(schemaOf(command));
  checks.set(command, check);
  if (check({ args, options })) return { command: command.name, args, options, stdin };
  const { instancePath = '', message = 'is wrong' } = check.errors?.[0] ?? {};
  throw new MagError('E_PARAMS', `${command.name}: ${instancePath.slice(1).replaceAll('/', ' ')} ${message}`);
}

function schemaOf({ args, options }: CommandContribution): object {
  const values = (type: string) => (type === 'string' ? { type, maxLength: MAX_TEXT } : { type });
  const ofArgs = args.map(({ name, type, variadic }) => [
    name,
    variadic ? { type: 'array', maxItems: MAX_MANY, items: values(type) } : values(type),
  ]);
  const ofOptions = options.map(({ name, type, choices }) => [
    name,
    choices === undefined ? values(type) : { enum: choices },
  ]);
  return object({
    args: object(Object.fromEntries(ofArgs), required(args)),
    options: object(Object.fromEntries(ofOptions), required(options)),
  });
}

function required(members: readonly { readonly name: string; readonly required: boolean }[]): string[] {
  return members.filter((member) => member.required).map(({ name }) => name);
}

function object(properties: object, names = Object.keys(properties)) {
  return { type: 'object', additionalProperties: false, properties, required: names };
}
