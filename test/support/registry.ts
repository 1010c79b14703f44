import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publish } from '../../host/registries/publish.ts';
import type { SignedPackage } from './author.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A registry folder, and a web server over it on loopback that can be told to answer something else. */
export class TestRegistry implements AsyncDisposable {
  readonly folder: string;
  readonly url: string;
  /** By path, such as `/index.json`: in place of the file. */
  readonly answers = new Map<string, Handler>();
  readonly asked: string[] = [];
  readonly #stop: () => Promise<void>;

  private constructor(folder: string, url: string, stop: () => Promise<void>) {
    this.folder = folder;
    this.url = url;
    this.#stop = stop;
  }

  static async start(): Promise<TestRegistry> {
    const folder = await mkdtemp(join(tmpdir(), 'magflock-registry-'));
    const server = createServer((request, response) => void registry.#answer(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const registry = new TestRegistry(folder, `http://127.0.0.1:${address.port}/`, async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    return registry;
  }

  async publish(...packages: readonly SignedPackage[]): Promise<void> {
    for (const signed of packages) await publish(this.folder, signed);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(request.url ?? '/');
    this.asked.push(path);
    const special = this.answers.get(path);
    if (special !== undefined) return special(request, response);
    const content = await readFile(join(this.folder, path)).catch(() => null);
    response.writeHead(content === null ? 404 : 200).end(content ?? '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
