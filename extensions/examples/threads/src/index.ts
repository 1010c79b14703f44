import { type Context, defineExtension, type EndpointRequest, type EndpointResponse, type Json } from '#sdk';

const MAX_CHARS = 2_000;
const MAX_MEMBERS = 200;

interface Access {
  readonly members: readonly string[];
}

export default defineExtension({
  endpoints: {
    'POST /threads': begin,
    'PUT /threads/:thread/members': async (request, ctx) =>
      asMember(request, ctx, async (key, version) => {
        const members = membersIn(request.body);
        if (members === null) return refused(400, 'members is a list of principals');
        const params = { ...REGISTRY, key, value: { members }, version };
        const { swapped } = await routing<{ swapped: boolean }>(ctx, 'kvCompareAndSet', params);
        return swapped
          ? { body: { members } }
          : refused(409, 'somebody else changed the members: look again');
      }),
    'POST /threads/:thread/messages': async (request, ctx) =>
      asMember(request, ctx, async (stream) => {
        const text = textIn(request.body);
        if (text === null) return refused(400, `text has 1 to ${MAX_CHARS} characters`);
        const value = { from: idOf(ctx), text };
        return {
          status: 201,
          body: await routing<{ id: number }>(ctx, 'busAppend', { ...BUS, stream, value }),
        };
      }),
    'GET /threads/:thread/messages': async (request, ctx) =>
      asMember(request, ctx, async (stream) => {
        const after = Number(request.query.after ?? 0);
        if (!Number.isSafeInteger(after) || after < 0) return refused(400, 'after is the id of a message');
        return { body: await routing<Json>(ctx, 'busRead', { ...BUS, stream, after }) };
      }),
  },
});

const BUS = { kind: 'chat_bus' };
const REGISTRY = { kind: 'realtime_registry' };

/** Whoever begins a thread is in it, whoever else they name. */
async function begin({ body }: EndpointRequest, ctx: Context): Promise<EndpointResponse> {
  const named = membersIn(body ?? { members: [] });
  if (named === null) return refused(400, 'members is a list of principals');
  const thread = crypto.randomUUID();
  const members = [...new Set([idOf(ctx), ...named])];
  await routing(ctx, 'kvSet', { ...REGISTRY, key: `thread:${thread}`, value: { members } });
  return { status: 201, body: { thread, members } };
}

/** Asked anew each time: who was taken out is out. Nobody learns which threads there are. */
async function asMember(
  { params }: EndpointRequest,
  ctx: Context,
  work: (key: string, version: number) => Promise<EndpointResponse>,
): Promise<EndpointResponse> {
  const key = `thread:${params.thread ?? ''}`;
  const found = await routing<{ value: Access; version: number } | null>(ctx, 'kvGet', { ...REGISTRY, key });
  if (found === null || !found.value.members.includes(idOf(ctx)))
    return refused(403, 'you are not in this thread');
  return work(key, found.version);
}

function routing<Result>(ctx: Context, method: string, params: Json): Promise<Result> {
  return ctx.extensions.call<Result>('magflock/routing', method, params);
}

function idOf({ request }: Context): string {
  return request?.principal?.id ?? '';
}

function membersIn(body: Json): string[] | null {
  const members = typeof body === 'object' && body !== null && !Array.isArray(body) ? body.members : null;
  if (!Array.isArray(members) || members.length > MAX_MEMBERS) return null;
  const texts = members.filter(
    (member) => typeof member === 'string' && member !== '' && member.length <= 100,
  );
  return texts.length === members.length ? (texts as string[]) : null;
}

function textIn(body: Json): string | null {
  const text = typeof body === 'object' && body !== null && !Array.isArray(body) ? body.text : null;
  return typeof text === 'string' && text.trim() !== '' && text.length <= MAX_CHARS ? text.trim() : null;
}

function refused(status: number, error: string): EndpointResponse {
  return { status, body: { error } };
}
