import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MagError } from '../../kernel/errors.ts';
import type { Contributed } from '../../kernel/hooks/hook-point.ts';
import type { Json, JsonObject } from '../../manifests/json.ts';
import type { RequestContext } from '../../manifests/protocol/frames.ts';
import { audited } from './audited.ts';
import { idOf } from './extension-routes.ts';
import { answers, extensionParams, object } from './schemas.ts';
import type { ControlServices } from './services.ts';

type CommandParams = { publisher: string; name: string; command: string };
type FormatParams = { publisher: string; name: string; format: string };
type Typed = { args: JsonObject; options: JsonObject; stdin: string | null };

const MAX_STDIN_CHARS = 262_144;
const word = { type: 'string', pattern: '^[a-z][a-z0-9-]*$', maxLength: 40 };
const below = (member: string) => ({
  ...extensionParams,
  properties: { ...extensionParams.properties, [member]: word },
  required: [...extensionParams.required, member],
});

/** What extensions add to `mag`, for any principal in its own tenant. */
export function registerCommandRoutes(app: FastifyInstance, { magcli, audit }: ControlServices): void {
  const tags = ['commands'];
  app.get(
    '/v1/commands',
    {
      schema: {
        tags,
        summary: 'Commands, help and output formats that extensions add to mag',
        response: answers(200, 'Commands you may call, and help and formats.'),
      },
    },
    async (request) => ({
      commands: (await magcli.commands(contextOf(request).membership?.roles ?? [])).map(view),
      help: magcli.help().map(view),
      formats: magcli.formats().map(view),
    }),
  );

  app.post<{ Params: CommandParams; Body: Typed }>(
    '/v1/commands/:publisher/:name/:command',
    {
      schema: {
        tags,
        summary: 'Run a command of an extension, for whoever calls',
        params: below('command'),
        body: object({
          args: { type: 'object', maxProperties: 10, default: {} },
          options: { type: 'object', maxProperties: 30, default: {} },
          stdin: { type: ['string', 'null'], maxLength: MAX_STDIN_CHARS, default: null },
        }),
        response: answers(200, 'What it said: text, data and exitCode.'),
      },
    },
    (request) => {
      const { params, body } = request;
      const id = idOf(params);
      const move = { action: 'command.run', target: `${id}:${params.command}`, detail: {} };
      return audited(audit, request, move, () => magcli.run(id, params.command, body, contextOf(request)));
    },
  );

  app.post<{ Params: FormatParams; Body: { answer: Json } }>(
    '/v1/formats/:publisher/:name/:format',
    {
      schema: {
        tags,
        summary: 'Write the answer of a command in a format of an extension',
        params: below('format'),
        body: object({ answer: {} }, ['answer']),
        response: answers(200, 'The text.'),
      },
    },
    async (request) => {
      const { params, body } = request;
      return { text: await magcli.format(idOf(params), params.format, body.answer, contextOf(request)) };
    },
  );
}

function view<Value extends object>({ extension, value }: Contributed<Value>) {
  return { extension, ...value };
}

function contextOf({ callContext }: FastifyRequest): RequestContext {
  if (callContext === null) throw new MagError('E_INTERNAL', 'Not entered.');
  return callContext;
}
