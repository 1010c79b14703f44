import type { MagcliHooks } from '../../../adapters/magcli/index.ts';
import { MagError } from '../../../kernel/errors.ts';
import type { Contributed } from '../../../kernel/hooks/hook-point.ts';
import type { GuestHost } from '../../../kernel/operator.ts';
import { CODES } from '../../../manifests/catalog/index.ts';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import type {
  CommandContribution,
  ExtensionId,
  FormatContribution,
  HelpContribution,
} from '../../../manifests/manifest/manifest.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import type { RoleBook } from '../magauth/role-book.ts';
import { invocationOf, type Typed } from './invocation.ts';

/** What a command said. */
export interface Said {
  readonly text: string;
  /** `null`: only the text. */
  readonly data: Json;
  readonly exitCode: 0 | 1;
}

/** What extensions add to `mag`. Their handlers act for whoever called, in the tenant of the call. */
export interface Magcli {
  /** Commands that a principal with these roles may call. */
  commands(roles: readonly string[]): Promise<readonly Contributed<CommandContribution>[]>;
  help(): readonly Contributed<HelpContribution>[];
  formats(): readonly Contributed<FormatContribution>[];
  /** @throws `E_NOT_FOUND`, `E_FORBIDDEN`, `E_PARAMS`, `E_CAP_*`, `E_LIMIT_*`, `E_EXTENSION` */
  run(id: ExtensionId, name: string, typed: Typed, request: RequestContext): Promise<Said>;
  /** The answer of a command as text. @throws as `run` */
  format(id: ExtensionId, name: string, answer: Json, request: RequestContext): Promise<string>;
}

const MAX_TEXT = 1_048_576;

export function createMagcli(
  hooks: MagcliHooks,
  guests: Pick<GuestHost, 'call'>,
  book: Pick<RoleBook, 'may'>,
): Magcli {
  const rolesOf = ({ membership }: RequestContext) => membership?.roles ?? [];

  async function call(
    id: ExtensionId,
    kind: 'command' | 'format',
    name: string,
    payload: Json,
    request: RequestContext,
  ) {
    try {
      return await guests.call(id, { kind, name }, payload, { request });
    } catch (error) {
      // As of endpoints: the words of an extension, or of a host call it made, may name its tables or tenants.
      if (!(error instanceof MagError)) throw error;
      throw new MagError(error.code, CODES[error.code].meaning, { cause: error, blame: error.blame });
    }
  }

  return {
    async commands(roles) {
      const all = hooks.commands.list();
      const may = await Promise.all(
        all.map(({ extension, value }) => book.may(extension, roles, value.auth)),
      );
      return all.filter((_, index) => may[index] === true);
    },
    help: () => hooks.help.list(),
    formats: () => hooks.formats.list(),
    async run(id, name, typed, request) {
      const { value: command } = find(hooks.commands.list(), id, name);
      if (!(await book.may(id, rolesOf(request), command.auth)))
        throw new MagError('E_FORBIDDEN', `The command asks for the role ${command.auth}.`);
      return saidOf(await call(id, 'command', name, invocationOf(command, typed), request));
    },
    async format(id, name, answer, request) {
      find(hooks.formats.list(), id, name);
      const { text } = objectOf(await call(id, 'format', name, answer, request));
      if (typeof text === 'string' && text.length <= MAX_TEXT) return text;
      throw noAnswer();
    },
  };
}

function find<Value extends { readonly name: string }>(
  list: readonly Contributed<Value>[],
  id: ExtensionId,
  name: string,
): Contributed<Value> {
  const found = list.find(({ extension, value }) => extension === id && value.name === name);
  if (found !== undefined) return found;
  throw new MagError('E_NOT_FOUND', `No extension that runs here has ${id}:${name}.`);
}

function saidOf(answer: Json): Said {
  const { text = '', data = null, exitCode = 0 } = objectOf(answer);
  if (typeof text !== 'string' || text.length > MAX_TEXT || (exitCode !== 0 && exitCode !== 1))
    throw noAnswer();
  return { text, data, exitCode };
}

function objectOf(answer: Json): JsonObject {
  if (answer !== null && typeof answer === 'object' && !Array.isArray(answer)) return answer;
  throw noAnswer();
}

function noAnswer(): MagError {
  return new MagError('E_EXTENSION', 'The extension answered with what is no answer of a command.');
}
