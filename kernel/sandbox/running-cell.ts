import { parseGuestShape } from '../../manifests/protocol/cell-frame.ts';
import { ProtocolError } from '../../manifests/protocol/codec.ts';
import type { CellFrame, CellLoad, GuestShape, GuestTarget } from '../../manifests/protocol/frames.ts';
import { KILL_GRACE_MS, MAX_CALLS_IN_FLIGHT, MAX_PAYLOAD_BYTES } from '../../manifests/protocol/limits.ts';
import { MagError } from '../errors.ts';
import type { Logger } from '../ports.ts';
import { CallTable, type NewCall, type PendingCall } from './call-table.ts';
import type { CellOwner, InvokeOptions } from './cell.ts';
import {
  abortError,
  overDeadline,
  protocolBroken,
  tooLarge,
  tooManyCalls,
  unresponsive,
} from './cell-errors.ts';
import { Channel } from './channel.ts';
import { CallNotTaken, type Death, readDeath, same } from './death.ts';
import { GuestFrames } from './guest-frames.ts';
import { HostCallDesk } from './host-call-desk.ts';
import type { LaunchedCell } from './launch.ts';
import { loadFrames } from './load-frames.ts';
import type { Usage } from './usage.ts';
import { Watchdog } from './watchdog.ts';

export interface CellOptions {
  readonly launched: LaunchedCell;
  readonly owner: CellOwner;
  readonly hostCallsPerSecond: number;
  readonly memoryMb: number;
  readonly logger: Logger;
  readonly usage?: Usage;
}

/** Megabytes a cell may occupy beside its guest: Node itself, code, buffers of frames. */
const CELL_OVERHEAD_MB = 160;
/** Milliseconds a process gets to say hello. */
const HELLO_MS = 10_000;

/** One process from its start to its end. After the end every call fails; it is never started again. */
export class RunningCell {
  readonly #options: CellOptions;
  readonly #channel: Channel;
  readonly #calls = new CallTable();
  readonly #frames: GuestFrames;
  readonly #watchdog: Watchdog;
  readonly #alive = new AbortController();
  readonly #hello = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<Death>();
  readonly #idle = new Set<() => void>();
  #greeted = false;
  #draining = false;
  #death: Death | null = null;
  #lastSign = 0;
  #taken = 0;
  #beat = { heapBytes: 0 };
  #cpuUs = 0;
  /** Called after every heartbeat. */
  onBeat: () => void = () => undefined;

  constructor(options: CellOptions) {
    const { launched, owner, hostCallsPerSecond, logger } = options;
    const counted = options.usage === undefined ? {} : { usage: options.usage };
    this.#options = options;
    this.#channel = new Channel(launched.channel, {
      onFrame: (frame) => this.#receive(frame),
      onViolation: (reason) => this.#violation(reason),
    });
    const desk = new HostCallDesk({
      owner,
      logger,
      perSecond: hostCallsPerSecond,
      send: (frame) => this.#channel.send(frame),
      ...counted,
    });
    this.#frames = new GuestFrames({
      calls: this.#calls,
      desk,
      owner,
      logger,
      alive: this.#alive.signal,
      ...counted,
    });
    this.#watchdog = new Watchdog({
      pid: this.pid ?? 0,
      maxResidentBytes: (options.memoryMb * 1.5 + CELL_OVERHEAD_MB) * 1_048_576,
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
    return this.#options.launched.child.pid ?? null;
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
  async call(target: GuestTarget, payload: string, options: InvokeOptions): Promise<string> {
    const { request, cpuMs, deadlineMs, signal } = options;
    const context = JSON.stringify({ request, deadlineMs: Math.round(deadlineMs) });
    if (Buffer.byteLength(payload) > MAX_PAYLOAD_BYTES) throw tooLarge();
    if (this.#draining && target.kind !== 'lifecycle') throw new CallNotTaken();
    if (this.#channel.isFull || this.#calls.size >= MAX_CALLS_IN_FLIGHT) throw tooManyCalls();
    this.#taken++;
    return await this.#exchange(
      { request, cpuMs, lasting: target.kind === 'lifecycle' },
      { deadlineMs, ...(signal === undefined ? {} : { signal }) },
      (id) => this.#channel.send({ t: 'call', id, target, payload, context, cpuMs }),
    );
  }

  /** Ends the process at once; calls in flight fail with this error. Idempotent. */
  kill(error: MagError): void {
    this.#markDead(same(error));
    this.#options.launched.child.kill('SIGKILL');
  }

  /** `quiesce`, and the cell itself refuses what comes all the same. */
  async drain(drainMs: number): Promise<void> {
    this.#channel.send({ t: 'drain' });
    await this.quiesce(drainMs);
  }

  /**
   * Waits until no call is in flight, or the time is over. New ones are not taken, those into the lifecycle
   * aside: they go to another cell.
   */
  async quiesce(drainMs: number): Promise<void> {
    this.#draining = true;
    if (this.#calls.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, drainMs);
    this.#idle.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#idle.delete(resolve);
  }

  /** Asks the process to end, and makes it. Resolves when it is gone. */
  async stop(error: MagError): Promise<void> {
    if (this.#death === null) this.#channel.send({ t: 'stop' });
    this.#markDead(same(error));
    const timer = setTimeout(() => this.kill(error), KILL_GRACE_MS);
    await this.ended;
    clearTimeout(timer);
  }

  /** Opens a call, sends its frame, and settles with the answer, the deadline or the end of the cell. */
  async #exchange(
    call: Omit<NewCall, 'resolve' | 'reject'>,
    limits: { deadlineMs: number; signal?: AbortSignal },
    send: (id: number) => boolean,
  ): Promise<string> {
    if (this.#death !== null) throw this.#death.inFlight;
    if (limits.signal?.aborted === true) throw abortError(limits.signal);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const pending = this.#calls.open({ ...call, resolve, reject });
    const timer = setTimeout(() => this.#giveUp(pending, overDeadline(pending.acked)), limits.deadlineMs);
    const onAbort = () => this.#giveUp(pending, abortError(limits.signal));
    limits.signal?.addEventListener('abort', onAbort, { once: true });
    try {
      if (!send(pending.id)) throw this.#close(pending, tooLarge());
      return await promise;
    } finally {
      clearTimeout(timer);
      limits.signal?.removeEventListener('abort', onAbort);
      if (this.#calls.size === 0) for (const resolveIdle of this.#idle) resolveIdle();
    }
  }

  #close(call: PendingCall, error: MagError): MagError {
    this.#calls.close(call);
    return error;
  }

  /** Answers the caller now; the cell has a moment to show that it can still be talked to. */
  #giveUp(call: PendingCall, error: MagError): void {
    if (this.#calls.lookup(call.id) !== call) return;
    call.reject(error);
    if (this.#channel.withdraw(call.id)) {
      this.#calls.close(call);
      return;
    }
    this.#calls.giveUp(call);
    if (this.#calls.givenUp > MAX_CALLS_IN_FLIGHT)
      this.#violation(new ProtocolError('a cell that does not answer'));
    const askedAt = performance.now();
    this.#channel.send({ t: 'cancel', id: call.id });
    setTimeout(() => {
      setImmediate(() => {
        if (this.#lastSign < askedAt) this.kill(unresponsive());
      });
    }, KILL_GRACE_MS).unref();
  }

  #receive(frame: CellFrame): void {
    this.#lastSign = performance.now();
    if (!this.#greeted) this.#receiveFirst(frame);
    else if (frame.t === 'hello') throw new ProtocolError('a second hello');
    else if (frame.t === 'heartbeat') this.#heartbeat(frame);
    else this.#frames.receive(frame);
  }

  #receiveFirst(frame: CellFrame): void {
    if (frame.t !== 'hello') throw new ProtocolError('the first frame is no hello');
    this.#greeted = true;
    this.#watchdog.beat();
    this.#hello.resolve();
  }

  #heartbeat({ heapBytes, cpuUs }: Extract<CellFrame, { t: 'heartbeat' }>): void {
    this.#watchdog.beat();
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
    this.#alive.abort();
    this.#hello.reject(death.error);
    this.#calls.rejectAll(death.inFlight, death.notTaken);
    return death;
  }

  #end(death: Death): void {
    this.#ended.resolve(this.#markDead(death));
  }
}
