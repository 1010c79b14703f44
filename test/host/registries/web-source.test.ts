import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createWebSource } from '../../../host/registries/web-source.ts';
import { type Handler, TestRegistry } from '../../support/registry.ts';

let registry: TestRegistry;
let elsewhere: TestRegistry;
beforeAll(async () => {
  [registry, elsewhere] = await Promise.all([TestRegistry.start(), TestRegistry.start()]);
});
afterAll(() => Promise.all([registry[Symbol.asyncDispose](), elsewhere[Symbol.asyncDispose]()]));
beforeEach(() => registry.answers.clear());

const to =
  (location: string): Handler =>
  (_request, response) =>
    response.writeHead(302, { location }).end('gone');
const read = (answer: Handler, ms = 20_000) => {
  registry.answers.set('/file', answer);
  return createWebSource(new URL(registry.url)).read('file', 1_000, AbortSignal.timeout(ms));
};
/** Writes as long as somebody reads. */
function pour(response: ServerResponse): void {
  while (!response.destroyed && response.write('x'.repeat(65_536)));
  if (!response.destroyed) response.once('drain', () => pour(response));
}

describe('a registry behind a web server', () => {
  it('reads what is there, and says what is not', async () => {
    const content = await read((_request, response) => response.end('content'));
    expect(Buffer.from(content ?? []).toString()).toBe('content');
    expect(await read((_request, response) => response.writeHead(404).end())).toBeNull();
  });

  it('follows redirects within its own origin', async () => {
    registry.answers.set('/b', (_request, response) => response.end('moved'));
    expect(Buffer.from((await read(to('/b'))) ?? []).toString()).toBe('moved');
  });

  it('is led nowhere else', async () => {
    await expect(read(to(`${elsewhere.url}file`))).rejects.toMatchObject({ code: 'E_REGISTRY' });
    await expect(read(to('file:///etc/passwd'))).rejects.toMatchObject({ code: 'E_REGISTRY' });
    expect(elsewhere.asked).toEqual([]);
  });

  it.each<[string, Handler, number?]>([
    ['a circle of redirects', to('/file')],
    ['an endless answer', (_request, response) => pour(response)],
    ['one larger than it says', (_request, response) => response.end('x'.repeat(1_001))],
    [
      'one that breaks off',
      (_request, response) => response.writeHead(200, { 'content-length': '9' }).end('x'),
    ],
    ['one that never comes', () => undefined, 100],
    ['one that never ends', (_request, response) => void response.write('x'), 100],
    ['an error', (_request, response) => response.writeHead(500).end()],
  ])('gives up on %s', async (_what, answer, ms) => {
    await expect(read(answer, ms)).rejects.toMatchObject({ code: 'E_REGISTRY' });
  });
});
