import { parseGuestShape } from '../../manifests/protocol/cell-frame.ts';
import { ProtocolError } from '../../manifests/protocol/codec.ts';
import type { CellFrame, CellLoad, GuestShape, GuestTarget } from '../../manifests/protocol/frames.ts';
import { KILL_GRACE_MS, MAX_CALLS_IN_FLIGHT, MAX_PAYLOAD_BYTES } from '../../manifests/protocol/limits.ts';
import { MagError } from '../errors.ts';
import type { Logger } from '../ports.ts';
import { CallTable, type NewCall, type PendingCall } from './call-table.ts';
import type { InvokeOptions } from './cell.ts';
import { abortError, overDeadline, protocolBroken, tooLarge, tooManyCalls } from './cell-errors.ts';
import { Channel } from './channel.ts';
import { CallNotTaken, type Death, readDeath, same } from './death.ts';
import { guestContext } from './guest-context.ts';
import { type Assignment, GuestFrames } from './guest-frames.ts';
import { Idle } from './idle.ts';
import type { LaunchedCell } from './launch.ts';
import { loadFrames } from './load-frames.ts';
import { ProcessNumbers } from './process-numbers.ts';
import { type TextCall, Turn } from './turn.ts';
import { Watchdog } from './watchdog.ts';

/** Milliseconds a process gets to say hello. */
const HELLO_MS = 10_000;

/**
 * Milliseconds until a call that ran over its budget counts as a broken budget: a cell that ends because of it
 * has ended by then, and its death is what counts.
 */
const SETTLE_MS = 1_000;

/**
 * One process from its start to its end. After the end every call fails; it is never started again. Until it is
 * assigned it says nothing but that it is there.
 */
export class RunningCell {
  readonly #launched: LaunchedCell;
  readonly #logger: Logger;
  readonly #channel: Channel;
  readonly #calls = new CallTable();
  /** `null` while it is nobody's. */
  #frames: GuestFrames | null = null;
  readonly #watchdog: Watchdog;
  readonly #alive = new AbortController();
  readonly #hello = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<Death>();
  readonly #idle = new Idle();
  #greeted = false;
  #draining = false;
  #streams = 0;
  #death: Death | null = null;
  #taken = 0;
  #beat = { heapBytes: 0 };
  #cpuUs = 0;
  /** Called after every heartbeat. */
  onBeat: () => void = () => undefined;
  /** Called when a call ran over its budget and the cell goes on. */
  onOverBudget: (error: MagError) => void = () => undefined;

  constructor(launched: LaunchedCell, memoryMb: number, logger: Logger) {
    this.#launched = launched;
    this.#logger = logger;
    this.#channel = new Channel(launched.channel, {
      onFrame: (frame) => this.#receive(frame),
      onViolation: (reason) => void this.#violation(reason),
    });
    this.#watchdog = new Watchdog({
      process: new ProcessNumbers(this.pid ?? 0),
      memoryMb,
      busyMs: () => (this.#greeted ? this.#calls.maxCpuMs : HELLO_MS),
      onBite: (error) => this.kill(error),
    });
    this.#hello.promise.catch(() => undefined);
    launched.child.once('error', (cause) => {
      this.#end(same(new MagError('E_CELL_LOST', 'the cell could not be started', { cause })));
    });
    launched.child.once('close', (code, signal) => {
      this.#channel.whenRead(() => this.#end(readDeath({ code, signal, stderr: launched.stderr() })));
    });
  }

  get pid(): number | null {
    return this.#launched.child.pid ?? null;
  }

  /** Resolves when the process is gone, with the reason. Never rejects. */
  get ended(): Promise<Death> {
    return this.#ended.promise;
  }

  get isDead(): boolean {
    return this.#death !== null;
  }

  /** Of the latest heartbeat; a new object each time. */
  get beat(): { readonly heapBytes: number } {
    return this.#beat;
  }

  /** Calls it was handed so far. */
  get calls(): number {
    return this.#taken;
  }

  get cpuMs(): number {
    return this.#cpuUs / 1_000;
  }

  /** Says whose it is: once, before anything is loaded. @throws `E_STATE` when it is somebody's */
  assign(to: Assignment): void {
    if (this.#frames !== null) throw new MagError('E_STATE', 'the cell belongs to an extension');
    this.#frames = new GuestFrames({
      ...to,
      calls: this.#calls,
      logger: this.#logger,
      alive: this.gone,
      send: (frame) => this.#channel.send(frame),
    });
    if (to.usage !== undefined) this.#channel.countIn(to.usage.time);
  }

  /** Resolves when the program runs. @throws `E_CELL_LOST` and whatever else ends a cell */
  async hello(): Promise<void> {
    await this.#hello.promise;
  }

  /** Loads the module. @throws `E_EXTENSION` when it cannot be evaluated, `E_LIMIT_*`, `E_PROTOCOL` */
  async load(load: CellLoad, deadlineMs: number): Promise<GuestShape> {
    const text = await this.#exchange(
      { request: null, cpuMs: load.cpuMs, lasting: true },
      { deadlineMs },
      (id) => loadFrames(id, load).every((frame) => this.#channel.send(frame)),
    );
    try {
      return parseGuestShape(text);
    } catch (reason) {
      throw this.#violation(reason);
    }
  }

  /** Calls into the guest; resolves with JSON text. */
  call(target: GuestTarget, payload: string, options: InvokeOptions): Promise<string> {
    return this.#call({ target, payload, options }, new Turn());
  }

  /**
   * Calls one after the other, each when the one before it was answered with a value. All are sent at once, and the
   * cell keeps the order. What is behind a call that failed rejects with `CallNotTaken`.
   */
  callInTurn(calls: readonly TextCall[]): Promise<string>[] {
    const turn = new Turn();
    return calls.map((call) => turn.take(() => this.#call(call, turn)));
  }

  #call({ target, payload, options }: TextCall, turn: Turn): Promise<string> {
    const { after, before } = turn;
    turn.after = null;
    if (after === null) return Promise.reject(new CallNotTaken());
    const { request, cpuMs, unit, chain } = options;
    const context = guestContext(options);
    if (Buffer.byteLength(payload) > MAX_PAYLOAD_BYTES) return Promise.reject(tooLarge());
    const goesOn = target.kind === 'lifecycle' || target.kind === 'stream';
    if (this.#draining && !goesOn) return Promise.reject(new CallNotTaken());
    if (this.#channel.isFull || this.#calls.size >= MAX_CALLS_IN_FLIGHT)
      return Promise.reject(tooManyCalls());
    this.#taken++;
    return this.#exchange(
      { request, cpuMs, unit, chain, lasting: target.kind === 'lifecycle' },
      options,
      (id) => turn.noted(id, this.#channel.send({ t: 'call', id, after, target, payload, context, cpuMs })),
      before,
    );
  }

  /** Ends the process at once; calls in flight fail with this error. Idempotent. */
  kill(error: MagError): void {
    this.#markDead(same(error));
    this.#launched.child.kill('SIGKILL');
  }

  /** Aborted, with what its calls are told, when it is dead. */
  get gone(): AbortSignal {
    return this.#alive.signal;
  }

  /** Keeps it from counting as idle while a stream is open in it. @returns the way to say that it is over */
  hold(): () => void {
    this.#streams++;
    return () => {
      this.#streams--;
      this.#notifyIdle();
    };
  }

  /** `quiesce`, and the cell itself refuses what comes all the same. */
  async drain(drainMs: number): Promise<void> {
    this.#channel.send({ t: 'drain' });
    await this.quiesce(drainMs);
  }

  /**
   * Waits until no call is in flight and no stream is open, or the time is over. New calls are not taken, those
   * into the lifecycle and for streams aside: they go to another cell.
   */
  async quiesce(drainMs: number): Promise<void> {
    this.#draining = true;
    if (this.#calls.size > 0 || this.#streams > 0) await this.#idle.wait(drainMs);
  }

  /** Asks the process to end, and makes it. Resolves when it is gone. */
  async stop(error: MagError): Promise<void> {
    if (this.#death === null) this.#channel.send({ t: 'stop' });
    this.#markDead(same(error));
    const timer = setTimeout(() => this.kill(error), KILL_GRACE_MS);
    await this.ended;
    clearTimeout(timer);
  }

  /**
   * Opens a call, sends its frame, and settles with the answer, the deadline or the end of the cell.
   * @param before settles when its turn has come, and its time begins
   */
  #exchange(
    call: Omit<NewCall, 'resolve' | 'reject'>,
    { deadlineMs, signal, isCutShort }: Pick<InvokeOptions, 'deadlineMs' | 'signal' | 'isCutShort'>,
    send: (id: number) => boolean,
    before?: Promise<unknown>,
  ): Promise<string> {
    if (this.#death !== null) return Promise.reject(this.#death.inFlight);
    if (signal?.aborted === true) return Promise.reject(abortError(signal));
    return new Promise((resolve, reject) => {
      const onAbort = () => this.#giveUp(pending, abortError(signal));
      const over = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#notifyIdle();
      };
      const pending = this.#calls.open({
        ...call,
        resolve: (value) => {
          over();
          resolve(value);
        },
        reject: (error) => {
          over();
          if (error.code === 'E_LIMIT_CPU' && this.#death === null) this.#overBudget(error);
          reject(error);
        },
      });
      let timer: NodeJS.Timeout | undefined;
      const begin = () => {
        if (this.#calls.lookup(pending.id) !== pending) return; // answered with the one before it
        timer = setTimeout(() => {
          const late = overDeadline(pending.acked);
          if (this.#giveUp(pending, late) && isCutShort !== true) this.#overBudget(late);
        }, deadlineMs);
      };
      if (before === undefined) begin();
      else void before.then(begin, () => this.#giveUp(pending, new CallNotTaken()));
      signal?.addEventListener('abort', onAbort);
      if (send(pending.id)) return;
      this.#calls.close(pending);
      pending.reject(tooLarge());
    });
  }

  #notifyIdle(): void {
    if (this.#calls.size === 0 && this.#streams === 0) this.#idle.notify();
  }

  #overBudget(error: MagError, since = performance.now()): void {
    setTimeout(() => {
      if (this.#death !== null) return;
      // On a busy machine it takes longer until it is known whether the cell goes on.
      if (this.#watchdog.hasHeardSince(since)) this.onOverBudget(error);
      else this.#overBudget(error, since);
    }, SETTLE_MS).unref();
  }

  /**
   * Answers the caller now; the cell has a moment to show that it can still be talked to.
   * @returns false when the call had not left for the cell
   */
  #giveUp(call: PendingCall, error: MagError): boolean {
    if (this.#calls.lookup(call.id) !== call) return false;
    const hasLeft = !this.#channel.withdraw(call.id);
    if (hasLeft) this.#calls.giveUp(call);
    else this.#calls.close(call);
    call.reject(error);
    if (!hasLeft) return false;
    if (this.#calls.givenUp > MAX_CALLS_IN_FLIGHT)
      this.#violation(new ProtocolError('a cell that does not answer'));
    this.#channel.send({ t: 'cancel', id: call.id });
    this.#watchdog.expectSign(KILL_GRACE_MS);
    return true;
  }

  #receive(frame: CellFrame): void {
    // Any frame will do: heartbeats may lie behind others that this host has not come to yet.
    this.#watchdog.beat();
    if (!this.#greeted) this.#receiveFirst(frame);
    else if (frame.t === 'hello') throw new ProtocolError('a second hello');
    else if (frame.t === 'heartbeat') this.#heartbeat(frame);
    else if (this.#frames === null) throw new ProtocolError("a frame of a cell that is nobody's");
    else this.#frames.receive(frame);
  }

  #receiveFirst(frame: CellFrame): void {
    if (frame.t !== 'hello') throw new ProtocolError('the first frame is no hello');
    this.#greeted = true;
    this.#hello.resolve();
  }

  #heartbeat({ heapBytes, cpuUs }: Extract<CellFrame, { t: 'heartbeat' }>): void {
    this.#beat = { heapBytes };
    this.#cpuUs = Math.max(this.#cpuUs, cpuUs);
    this.onBeat();
  }

  #violation(reason: unknown): MagError {
    const error = protocolBroken(reason);
    this.kill(error);
    return error;
  }

  /** Calls fail from here on; the process may take a moment longer to be gone. */
  #markDead(death: Death): Death {
    if (this.#death !== null) return this.#death;
    this.#death = death;
    this.#channel.close();
    this.#watchdog.stop();
    this.#alive.abort(death.inFlight);
    this.#hello.reject(death.error);
    this.#calls.rejectAll(death.inFlight, death.notTaken);
    return death;
  }

  #end(death: Death): void {
    this.#ended.resolve(this.#markDead(death));
  }
}
