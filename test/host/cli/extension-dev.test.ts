import { chmod, mkdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { generatedPositionFor, originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { DebugClient } from './dev/debugger/debug-client.ts';
import { LongMag, leftIn, writeExtension } from './dev-extension.ts';
import { type Folder, mag, temporaryFolder } from './mag-process.ts';

/** Line 7 is where the breakpoint goes. */
const SOURCE = `import { defineExtension } from '#sdk';

interface Greeting { readonly hello: string }

function greet(name: string): Greeting {
  const shouted: string = name.toUpperCase();
  return { hello: shouted };
}

export default defineExtension({
  endpoints: {
    'GET /greet/:name': async (request, ctx) => {
      ctx.log.info('greeting', { name: request.params.name ?? '' });
      return { body: { ...greet(request.params.name ?? '') } };
    },
  },
});
`;
const LINE = 7;
/** Less than a breakpoint holds a call. */
const LIMITS = { wallMs: 1_000, cpuMs: 100 };

let database: TestDatabase;
let folder: Folder;
let dir: string;
let tmp: string;
let dev: LongMag;
// biome-ignore lint/suspicious/noExplicitAny: the answer of the command
let said: any;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await temporaryFolder();
  await chmod(folder.path, 0o711);
  tmp = join(folder.path, 'tmp');
  await mkdir(tmp);
  dir = await writeExtension(folder.path, ['GET /greet/:name'], SOURCE, LIMITS);
  const args = ['extension:dev', dir, '--inspect', '--yes', '--output', 'json', '--database', database.url];
  dev = new LongMag(args, folder.path, tmp);
  [said] = await dev.lines(1);
});
afterAll(async () => {
  await dev?.interrupt();
  await folder?.[Symbol.asyncDispose]();
  await database?.drop();
});

const get = (path: string) =>
  fetch(`${said.url}/x/acme/probe${path}`, { headers: { authorization: `Bearer ${said.token}` } });

async function connect(url: string): Promise<{ socket: WebSocket; client: DebugClient }> {
  const socket = new WebSocket(url);
  const client = new DebugClient((text) => socket.send(text));
  socket.on('message', (data) => client.receive(data.toString()));
  socket.on('close', () => client.cutOff());
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return { socket, client };
}

/** Sets a breakpoint as DevTools do: on a line of the source, wherever the map says that is in the module. */
async function breakInGreet(client: DebugClient): Promise<{ map: TraceMap; source: string }> {
  await client.call('Debugger.enable');
  const script = await client.next('Debugger.scriptParsed', ({ url }) => url === 'acme/probe/index.js');
  const [head, encoded] = script.sourceMapURL.split(',');
  expect(head).toBe('data:application/json;base64');
  const map = new TraceMap(Buffer.from(encoded, 'base64').toString());
  const source = pathToFileURL(join(dir, 'src/index.ts')).href;
  expect(map.sources).toContain(source);
  const place = generatedPositionFor(map, { source, line: LINE, column: 2 });
  const at = { lineNumber: (place.line ?? 0) - 1, columnNumber: place.column ?? 0 };
  await client.call('Debugger.setBreakpointByUrl', { url: script.url, ...at });
  return { map, source };
}

it('says where the endpoints and the debugger are', () => {
  expect(said).toMatchObject({ id: 'acme/probe', version: '1.0.0' });
  expect(said.endpoints).toEqual([`GET ${said.url}/x/acme/probe/greet/:name`]);
  expect(said.inspector).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/[0-9a-f-]{36}$/);
});

it('stops in the TypeScript of the author, shows a local, and goes on to answer', async () => {
  const { socket, client } = await connect(said.inspector);
  const { map, source } = await breakInGreet(client);
  const answer = get('/greet/ada');
  const [frame] = (await client.next('Debugger.paused')).callFrames;
  const { lineNumber, columnNumber } = frame.location;
  const stopped = originalPositionFor(map, { line: lineNumber + 1, column: columnNumber });
  expect(stopped).toMatchObject({ source, line: LINE });
  const { callFrameId } = frame;
  const { result } = await client.call('Debugger.evaluateOnCallFrame', {
    callFrameId,
    expression: 'shouted',
  });
  expect(result.value).toBe('ADA');

  // Longer than the manifest lets a call take.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await client.call('Debugger.resume');
  const response = await answer;
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ hello: 'ADA' });
  socket.close();
});

it('shows what the extension logs', async () => {
  await get('/greet/grace');
  const lines = await dev.lines(3);
  expect(lines.slice(1).map(({ message, fields }) => [message, fields.name])).toContainEqual([
    'greeting',
    'grace',
  ]);
});

it('is found the way Chrome and editors look for it', async () => {
  const origin = new URL(said.inspector.replace('ws:', 'http:')).origin;
  for (const path of ['/json', '/json/list']) {
    const [entry] = (await (await fetch(origin + path)).json()) as Record<string, string>[];
    expect(entry).toMatchObject({ type: 'node', webSocketDebuggerUrl: said.inspector });
  }
  const version = (await (await fetch(`${origin}/json/version`)).json()) as Record<string, string>;
  expect(version['Protocol-Version']).toBe('1.3');
});

it('is not found by a web page that has its name resolve to this machine', async () => {
  const { port } = new URL(said.inspector);
  const status = await new Promise((resolve) => {
    const headers = { host: `evil.example:${port}` };
    request({ host: '127.0.0.1', port, path: '/json/list', headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).end();
  });
  expect(status).toBe(404);
});

it('lets nobody in who does not know the path', async () => {
  const { origin } = new URL(said.inspector.replace('ws:', 'http:'));
  await expect(connect(`${origin.replace('http:', 'ws:')}/json`)).rejects.toThrow();
});

it('leaves nothing behind after Ctrl-C, although a breakpoint holds the extension', async () => {
  const { client, socket } = await connect(said.inspector);
  const gone = new Promise((resolve) => socket.once('close', resolve));
  await breakInGreet(client);
  const answer = get('/greet/joan').catch(() => null);
  await client.next('Debugger.paused');
  expect(await leftIn(tmp)).toHaveLength(1);
  expect(await databases()).toHaveLength(1);
  expect(await dev.interrupt()).toBe(0);
  await Promise.all([gone, answer]);
  expect(await leftIn(tmp)).toEqual([]);
  expect(await databases()).toEqual([]);
});

it('wants a port that is one', async () => {
  for (const args of [['--inspect=70000'], ['--inspect=x']]) {
    const { exitCode } = await mag(['extension:dev', dir, '--yes', ...args], { cwd: folder.path });
    expect(exitCode).toBe(2);
  }
});

it('grants nothing without a yes', async () => {
  const { exitCode, stdout } = await mag(['extension:dev', dir, '--inspect'], { cwd: folder.path });
  expect(exitCode).toBe(2);
  expect(stdout).toContain('api.register_endpoint');
});

/** Those that this command made. */
async function databases(): Promise<string[]> {
  const { rows } = await database.pool.query(
    'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
    [`mag_dev_${dev.child.pid}_`],
  );
  return rows.map(({ datname }) => datname);
}
