import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MagError } from '../../../kernel/errors.ts';
import type { Audit } from '../../../kernel/operator.ts';
import type { Json } from '../../../manifests/json.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import { audited } from '../../api/audited.ts';
import { idOf } from '../../api/extension-routes.ts';
import { answers, extensionParams, object } from '../../api/schemas.ts';
import { frameHeaders } from './frame-headers.ts';
import type { Magui } from './magui.ts';

export interface UiServices {
  readonly magui: Magui;
  readonly audit: Audit;
  /** Origins of consoles elsewhere that may show frames, such as `https://console.example.com`. */
  readonly consoles: readonly string[];
}

type FileParams = { publisher: string; name: string; digest: string; '*': string };
type CallParams = { publisher: string; name: string; frame: string };
type CallBody = { method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'; path: string; body?: Json };

const BROWSER = join(import.meta.dirname, 'browser');
/** They go with the host, whatever version that is. */
const ASK_AGAIN = 'no-cache';
/** Headers of the viewer that say who asks, by a token or a session of this site, and in which context. */
const PASSED_ON = [
  ...['authorization', 'cookie', 'origin'],
  ...['x-tenant-id', 'x-env', 'x-surface-id', 'x-app-id', 'x-project-id', 'traceparent'],
];

/** What the console needs of extensions: which frames there are, their files, and their calls. */
export function registerUiRoutes(app: FastifyInstance, services: UiServices): void {
  addList(app, services);
  addFiles(app, services);
  addScripts(app);
  addCall(app, services);
}

function addList(app: FastifyInstance, { magui }: UiServices): void {
  const schema = {
    tags: ['console'],
    summary: 'Widgets, panels and schema explorers of extensions that you may see',
    response: answers(200, 'Frames: src is an address on this host.'),
  };
  app.get('/v1/ui', { schema }, (request) => magui.frames(contextOf(request).membership?.roles ?? []));
}

/** Public, as a frame has nothing to show who it is for: the files of a package hold no data. */
function addFiles(app: FastifyInstance, { magui, consoles }: UiServices): void {
  app.get<{ Params: FileParams }>(
    '/ui/x/:publisher/:name/:digest/*',
    { schema: { hide: true } },
    async (request, reply) => {
      const { digest, '*': path } = request.params;
      const id = idOf(request.params);
      const file = await magui.file(id, digest, path);
      if (file === null) throw new MagError('E_NOT_FOUND', 'No such file.');
      reply.headers(frameHeaders(request.host, `/ui/x/${id}/${digest}/`, consoles));
      return reply.type(file.type).send(Buffer.from(file.bytes));
    },
  );
}

function addScripts(app: FastifyInstance): void {
  for (const name of ['frame.js', 'bridge.js']) {
    app.get(`/ui/${name}`, { schema: { hide: true } }, async (_request, reply: FastifyReply) => {
      reply.headers({
        'access-control-allow-origin': '*',
        'cross-origin-resource-policy': 'cross-origin',
        'x-content-type-options': 'nosniff',
        'cache-control': ASK_AGAIN,
      });
      return reply.type('text/javascript; charset=utf-8').send(await readFile(join(BROWSER, name)));
    });
  }
}

/** A frame calls an endpoint of its own extension: by the way that everybody calls it, as whoever looks at it. */
function addCall(app: FastifyInstance, { magui, audit }: UiServices): void {
  const schema = {
    tags: ['console'],
    summary: 'Call an endpoint of an extension from a frame of it',
    params: {
      ...extensionParams,
      properties: {
        ...extensionParams.properties,
        frame: { type: 'string', pattern: '^[a-z][a-z0-9-]*$', maxLength: 40 },
      },
      required: [...extensionParams.required, 'frame'],
    },
    body: object(
      {
        method: { enum: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] },
        path: { type: 'string', pattern: '^/[A-Za-z0-9._~/?&=%:@!$,;+*-]*$', maxLength: 2_000 },
        body: {},
      },
      ['method', 'path'],
    ),
    response: answers(200, 'What it answered: status and body.'),
  };
  app.post<{ Params: CallParams; Body: CallBody }>(
    '/v1/ui/:publisher/:name/:frame/call',
    { schema },
    async (request) => {
      const { params, body: asked } = request;
      const [id, context] = [idOf(params), contextOf(request)];
      const action = `${asked.method} ${asked.path.split('?')[0]}`;
      const detail = { frame: params.frame, call: action.slice(0, 200) };
      return audited(audit, request, { action: 'ui.action', target: id, detail }, async () => {
        await magui.require(id, params.frame, context);
        const url = ownUrl(id, asked.path);
        magui.acted(id, params.frame, action, context);
        return forward(app, request, url, asked);
      });
    },
  );
}

/** Dots in a path lead upwards, escaped or not: what it comes to must be of the extension. @throws `E_BAD_REQUEST` */
function ownUrl(id: string, path: string): string {
  const mount = `/x/${id}/`;
  const { pathname, search } = new URL(`http://host/x/${id}${path}`);
  if (pathname.startsWith(mount)) return pathname + search;
  throw new MagError('E_BAD_REQUEST', 'The path leads out of the extension.');
}

async function forward(
  app: FastifyInstance,
  request: FastifyRequest,
  url: string,
  { method, body }: CallBody,
): Promise<{ status: number; body: Json }> {
  const headers: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = request.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  if (body !== undefined) headers['content-type'] = 'application/json';
  const answer = await app.inject({
    method,
    url,
    headers,
    remoteAddress: request.ip,
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  return { status: answer.statusCode, body: bodyOf(answer.payload, answer.headers['content-type']) };
}

function bodyOf(payload: string, type: unknown): Json {
  if (typeof type !== 'string' || !/json/.test(type)) return payload;
  try {
    return JSON.parse(payload) as Json;
  } catch {
    return payload;
  }
}

function contextOf({ callContext }: FastifyRequest): RequestContext {
  if (callContext === null) throw new MagError('E_INTERNAL', 'Not entered.');
  return callContext;
}
