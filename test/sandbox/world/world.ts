import { expect } from 'vitest';
import { createTrustAdmin } from '../../../host/trust/trust-admin.ts';
import { Author } from '../../support/author.ts';
import { type Answer, TestHost, until } from '../../support/host.ts';
import { Canary } from './canary.ts';
import { cellProcesses, strayCells } from './cell-processes.ts';
import { type Memory, memory, settledMemory } from './host-memory.ts';
import { Sentinels } from './sentinels.ts';

/**
 * Room for what a host rightly keeps: compiled code, pools, a batch of log lines. What lives is held against the
 * beginning of the world, so all attacks of a family share that room; what is resident against the beginning of
 * the attack, as the allocators keep what the ones before it made them fetch.
 */
const MEMORY_ROOM_MB: Memory = { resident: 96, living: 48 };

/**
 * A host with a canary, treasures around it, and a hostile publisher it trusts. Each attack takes its measure with
 * `begin` and is held to it with `expectUnharmed`; the host, its canary and its memory must stand all of them.
 */
export class World implements AsyncDisposable {
  readonly host: TestHost;
  readonly mallory: Author;
  readonly sentinels: Sentinels;
  readonly #canary: Canary;
  readonly #owned: AsyncDisposableStack;
  #heard: string[] = [];
  #versions = 0;
  #attackers = 1;
  #wasDenied = false;
  #startedAt = '';
  #auditFrom = 0;
  #memory: Memory = { resident: 0, living: 0 };

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

  static async open(): Promise<World> {
    await using owned = new AsyncDisposableStack();
    const host = owned.use(await TestHost.start({ MAG_SPARE_CELLS: '' }));
    const acme = owned.use(await Author.create('acme'));
    const mallory = owned.use(await Author.create('mallory'));
    await host.trust(acme);
    // The highest tier: under the ceiling of another one a busy machine ends by its time what is about memory.
    const { publisher, publicKey } = mallory;
    await createTrustAdmin(host.dataDir).trustPublisher({ publisher, publicKey, tier: 'first-party' });
    const sentinels = owned.use(await Sentinels.place(host));
    const canary = await Canary.install(host, acme);
    const world = new World({ host, mallory, sentinels, canary }, owned.move());
    world.#startedAt = (await host.ask('GET', '/v1/host')).body.startedAt;
    world.#memory = await settledMemory();
    return world;
  }

  /** The name of the extension that attacks now. */
  get attackerName(): string {
    return this.#attackers === 1 ? 'attacker' : `attacker-${this.#attackers}`;
  }

  get attacker(): string {
    return `${this.mallory.publisher}/${this.attackerName}`;
  }

  /** A version that no attack before had: other bytes in the same one are refused. */
  nextVersion(): string {
    return `1.0.${this.#versions++}`;
  }

  /** Takes the measure of everything before the attack. */
  async begin(): Promise<void> {
    await this.sentinels.begin();
    const { body } = await this.host.ask('GET', '/v1/audit?limit=1');
    this.#auditFrom = body.records[0].sequence;
    this.#memory = { ...this.#memory, resident: memory().resident };
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

  /** Asks an endpoint of the attacker. */
  readonly visit = (path: string, options?: Parameters<TestHost['ask']>[2]): Promise<Answer> =>
    this.ask('GET', `/x/${this.attacker}/${path}`, options);

  /** All that every attack must leave as it was, and exactly the records it must leave behind. */
  async expectUnharmed(audit: readonly string[]): Promise<void> {
    await this.#canary.expectUnharmed();
    await this.#expectHealthyHost();
    await this.#expectRecords(audit);
    if (audit.includes('capability.denied')) this.#wasDenied = true;
    await this.sentinels.expectUntouched();
    await this.#expectNoStrayCells();
    await this.#expectMemoryBack();
    const heard = this.#heard.join('\n');
    this.#heard = [];
    for (const secret of this.sentinels.secrets) expect(heard.includes(secret)).toBe(false);
    await this.sentinels.expectNothingStored();
  }

  /**
   * After one that was denied something the next has another name: the host adds up the denials of a minute, whoever
   * was uninstalled meanwhile (spec 03).
   */
  nextAttacker(): void {
    if (this.#wasDenied) this.#attackers += 1;
    this.#wasDenied = false;
  }

  /** Nothing is left of all the attacks when the host has stopped and written what it still held. */
  async end(): Promise<void> {
    await using _owned = this.#owned;
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
    const actions = async () => {
      const { body } = await this.host.ask('GET', `/v1/audit?after=${this.#auditFrom}&limit=100`);
      const all: string[] = body.records.map(({ action }: { action: string }) => action);
      return all.filter((action) => action !== 'capability.allowed'); // that is no attack
    };
    // The end of a move and a quarantine are seen a moment before they are on record.
    expect(await until(actions, ({ length }) => length >= audit.length)).toEqual(audit);
    expect((await this.host.ask('GET', '/v1/audit/verify')).body.ok).toBe(true);
  }

  async #expectNoStrayCells(): Promise<void> {
    const stray = async () => {
      const { extensions } = (await this.host.ask('GET', '/v1/extensions')).body;
      const shown = await Promise.all(extensions.map(({ id }: { id: string }) => this.host.show(id)));
      const metrics: string = (await this.host.ask('GET', '/metrics')).body;
      const spares = Number(/^magflock_spare_cells (\d+)$/m.exec(metrics)?.[1]);
      const running = new Set(shown.map(({ health }) => health.process?.pid).filter(Number.isInteger));
      return { spares, strays: await strayCells(running) };
    };
    // A killed process is there a moment longer, and one that starts is not counted yet.
    await until(stray, ({ spares, strays }) => strays.length === spares);
  }

  async #expectMemoryBack(): Promise<void> {
    const limit: Memory = {
      resident: this.#memory.resident + MEMORY_ROOM_MB.resident,
      living: this.#memory.living + MEMORY_ROOM_MB.living,
    };
    const isBack = ({ resident, living }: Memory) => resident < limit.resident && living < limit.living;
    if (isBack(memory())) return; // with garbage and all
    expect(await until(settledMemory, isBack)).toSatisfy(isBack);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}
