import { expect } from 'vitest';
import { Author } from '../../support/author.ts';
import { type Answer, TestHost, until } from '../../support/host.ts';
import { Canary } from './canary.ts';
import { cellProcesses, strayCells } from './cell-processes.ts';
import { settledMemoryMb } from './host-memory.ts';
import { Sentinels } from './sentinels.ts';

/** Room for what a host rightly keeps: compiled code, pools, a batch of log lines. */
const MEMORY_ROOM_MB = 96;

/** A host with a canary, treasures around it, and a hostile publisher it trusts as much as it must. */
export class World implements AsyncDisposable {
  readonly host: TestHost;
  readonly mallory: Author;
  readonly sentinels: Sentinels;
  readonly #canary: Canary;
  readonly #owned: AsyncDisposableStack;
  readonly #heard: string[] = [];
  #startedAt = '';
  #auditFrom = 0;
  #memoryMb = 0;

  private constructor(
    parts: { host: TestHost; mallory: Author; sentinels: Sentinels; canary: Canary },
    owned: AsyncDisposableStack,
  ) {
    this.host = parts.host;
    this.mallory = parts.mallory;
    this.sentinels = parts.sentinels;
    this.#canary = parts.canary;
    this.#owned = owned;
  }

  static async open(tier: string): Promise<World> {
    await using owned = new AsyncDisposableStack();
    const host = owned.use(await TestHost.start());
    const acme = owned.use(await Author.create('acme'));
    const mallory = owned.use(await Author.create('mallory'));
    await host.trust(acme);
    await host.trust(mallory, tier);
    const sentinels = owned.use(await Sentinels.place(host));
    const canary = await Canary.install(host, acme);
    return new World({ host, mallory, sentinels, canary }, owned.move());
  }

  /** Takes the measure of everything before the attack. */
  async begin(): Promise<void> {
    await this.sentinels.begin();
    const { body } = await this.host.ask('GET', '/v1/audit?limit=1');
    this.#auditFrom = body.records[0].sequence;
    this.#startedAt = (await this.host.ask('GET', '/v1/host')).body.startedAt;
    this.#memoryMb = await settledMemoryMb();
    await this.#canary.begin();
  }

  /** Asks the host and keeps what it said for the search for secrets. */
  readonly ask = async (
    method: string,
    path: string,
    options?: Parameters<TestHost['ask']>[2],
  ): Promise<Answer> => {
    const answer = await this.host.ask(method, path, options);
    this.#heard.push(JSON.stringify([answer.body, [...answer.headers]]));
    return answer;
  };

  /** All that every attack must leave as it was, and exactly the records it must leave behind. */
  async expectUnharmed(audit: readonly string[]): Promise<void> {
    await this.#canary.expectUnharmed();
    await this.#expectHealthyHost();
    await this.#expectRecords(audit);
    await this.sentinels.expectUntouched();
    await this.#expectNoStrayCells();
    await this.#expectMemoryBack();
    for (const secret of this.sentinels.secrets) expect(this.#heard.join('\n').includes(secret)).toBe(false);
    await this.host.shutdown();
    expect(await cellProcesses()).toEqual([]);
    await this.sentinels.expectNothingStored();
  }

  async #expectHealthyHost(): Promise<void> {
    for (const probe of ['/healthz', '/readyz']) expect((await this.host.ask('GET', probe)).status).toBe(200);
    expect((await this.host.ask('GET', '/v1/host')).body.startedAt).toBe(this.#startedAt);
    expect(process.pid).toBe(this.sentinels.outside.hostPid);
  }

  async #expectRecords(audit: readonly string[]): Promise<void> {
    const { body } = await this.host.ask('GET', `/v1/audit?after=${this.#auditFrom}&limit=100`);
    expect(body.records.map(({ action }: { action: string }) => action)).toEqual(audit);
    expect((await this.host.ask('GET', '/v1/audit/verify')).body.ok).toBe(true);
  }

  async #expectNoStrayCells(): Promise<void> {
    const stray = async () => {
      const { extensions } = (await this.host.ask('GET', '/v1/extensions')).body;
      const shown = await Promise.all(extensions.map(({ id }: { id: string }) => this.host.show(id)));
      return strayCells(new Set(shown.map(({ health }) => health.process?.pid).filter(Number.isInteger)));
    };
    // A killed process is there a moment longer.
    expect(await until(stray, (cells) => cells.length === 0)).toEqual([]);
  }

  async #expectMemoryBack(): Promise<void> {
    const limit = this.#memoryMb + MEMORY_ROOM_MB;
    expect(await until(settledMemoryMb, (now) => now < limit)).toBeLessThan(limit);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}
