import { expect } from 'vitest';
import type { Author, ExtensionSource } from '../../support/author.ts';
import type { TestHost } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

/** Answers with what it is asked, and holds a row of its own that is nobody else's business. */
const CANARY: ExtensionSource = {
  manifest: {
    ...serving('canary', ['GET /echo/:n'], {
      capabilities: [{ name: 'database.read', reason: 'Reads its own song.' }],
      // A busy machine may keep its cell waiting: that is not what it is to notice.
      limits: { cpuMs: 2_000, wallMs: 30_000 },
    }),
    migrations: 'migrations',
  },
  files: {
    'migrations/0001_song.up.sql': 'create table song (id int primary key, line text);',
    'migrations/0001_song.down.sql': 'drop table song;',
  },
  code: `export default { endpoints: {
    'GET /echo/:n': async (request) => ({ body: { n: Number(request.params.n) } }),
  } };`,
};

const PAUSE_MS = 25;

/** An extension in another cell that is asked all the time and must answer rightly every time. */
export class Canary {
  readonly #host: TestHost;
  readonly #wrong: string[] = [];
  #answered = 0;
  #singing: Promise<void> = Promise.resolve();
  #quiet = false;

  private constructor(host: TestHost) {
    this.#host = host;
  }

  static async install(host: TestHost, author: Author): Promise<Canary> {
    await host.run(await author.publish(CANARY));
    return new Canary(host);
  }

  /** Begins to ask; resolves when the first answer is there. */
  async begin(): Promise<void> {
    this.#quiet = false;
    this.#singing = this.#sing();
    await this.#another();
  }

  /** Ends asking after one more answer. */
  async expectUnharmed(): Promise<void> {
    await this.#another();
    this.#quiet = true;
    await this.#singing;
    expect(this.#wrong).toEqual([]);
    const { state, health } = await this.#host.show('acme/canary');
    expect([state, health.process.restarts]).toEqual(['enabled', 0]);
  }

  async #sing(): Promise<void> {
    for (let n = 1; !this.#quiet; n++) {
      await this.#ask(n);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async #ask(n: number): Promise<void> {
    try {
      const { status, body } = await this.#host.ask('GET', `/x/acme/canary/echo/${n}`);
      if (status !== 200 || body.n !== n) this.#wrong.push(`${n}: ${status} ${JSON.stringify(body)}`);
    } catch (error) {
      this.#wrong.push(`${n}: ${error}`);
    }
    this.#answered++;
  }

  async #another(): Promise<void> {
    // The one under way may have been asked before: wait for the one after it.
    const goal = this.#answered + 2;
    while (this.#answered < goal) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
