import { MagError } from '../../../../kernel/errors.ts';
import type { Logger } from '../../../../kernel/ports.ts';
import {
  abortError,
  CallTable,
  type CellOwner,
  type Death,
  GuestFrames,
  guestContext,
  type InvokeOptions,
  type LaunchedCell,
  loadFrames,
  type NewCall,
  type PendingCall,
  protocolBroken,
  readDeath,
  same,
  tooLarge,
} from '../../../../kernel/sandbox/index.ts';
import { parseGuestShape } from '../../../../manifests/protocol/cell-frame.ts';
import { ProtocolError } from '../../../../manifests/protocol/codec.ts';
import type { DebugMessage } from '../../../../manifests/protocol/debug-frame.ts';
import type { CellFrame, CellLoad, GuestShape, GuestTarget } from '../../../../manifests/protocol/frames.ts';
import { KILL_GRACE_MS } from '../../../../manifests/protocol/limits.ts';
import { DebugChannel } from './debug-channel.ts';
import { DebugSessions } from './debug-sessions.ts';

export interface DebugCellOptions {
  readonly launched: LaunchedCell;
  readonly owner: CellOwner;
  readonly hostCallsPerSecond: number;
  readonly logger: Logger;
}

/**
 * One process in debug mode from its start to its end: `RunningCell` without deadlines, heartbeats and
 * watchdog, because a person may hold the guest at a breakpoint for as long as it takes.
 */
export class DebugCell {
  readonly sessions: DebugSessions;
  readonly #launched: LaunchedCell;
  readonly #channel: DebugChannel;
  readonly #calls = new CallTable();
  readonly #frames: GuestFrames;
  readonly #alive = new AbortController();
  readonly #hello = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<Death>();
  #greeted = false;
  #death: Death | null = null;
  #heapBytes = 0;
  #cpuUs = 0;

  constructor({ launched, owner, hostCallsPerSecond, logger }: DebugCellOptions) {
    this.#launched = launched;
    this.#channel = new DebugChannel(launched.channel, {
      onFrame: (frame) => this.#receive(frame),
      onViolation: (reason) => this.kill(protocolBroken(reason)),
    });
    this.sessions = new DebugSessions((frame) => this.#channel.send(frame));
    const send: DebugChannel['send'] = (frame) => this.#channel.send(frame);
    const alive = this.#alive.signal;
    this.#frames = new GuestFrames({ owner, hostCallsPerSecond, logger, calls: this.#calls, alive, send });
    this.#hello.promise.catch(() => undefined);
    launched.child.once('error', (cause) => {
      this.#end(same(new MagError('E_CELL_LOST', 'the cell could not be started', { cause })));
    });
    launched.child.once('close', (code, signal) => {
      this.#end(readDeath({ code, signal, stderr: launched.stderr() }));
    });
  }

  get pid(): number | null {
    return this.#launched.child.pid ?? null;
  }

  get isDead(): boolean {
    return this.#death !== null;
  }

  /** Resolves when the process is gone, with the reason. Never rejects. */
  get ended(): Promise<Death> {
    return this.#ended.promise;
  }

  get heapBytes(): number {
    return this.#heapBytes;
  }

  get cpuMs(): number {
    return this.#cpuUs / 1_000;
  }

  /** Waits for the program and loads the module. @throws `E_EXTENSION`, `E_CELL_LOST`, `E_PROTOCOL` */
  async load(load: CellLoad): Promise<GuestShape> {
    await this.#hello.promise;
    const text = await this.#exchange({ request: null, cpuMs: load.cpuMs, lasting: true }, undefined, (id) =>
      loadFrames(id, load).every((frame) => this.#channel.send(frame)),
    );
    try {
      return parseGuestShape(text);
    } catch (reason) {
      const error = protocolBroken(reason);
      this.kill(error);
      throw error;
    }
  }

  /** Calls into the guest; resolves with JSON text, however long it takes. */
  call(target: GuestTarget, payload: string, options: InvokeOptions): Promise<string> {
    const { request, cpuMs, signal, unit, chain } = options;
    const context = guestContext(options);
    const call = { request, cpuMs, unit, chain, lasting: target.kind === 'lifecycle' };
    return this.#exchange(call, signal, (id) =>
      this.#channel.send({ t: 'call', id, target, payload, context, cpuMs }),
    );
  }

  /** Aborted, with what its calls are told, when it is dead. */
  get gone(): AbortSignal {
    return this.#alive.signal;
  }

  /** Nobody waits for it to be idle. */
  hold(): () => void {
    return () => undefined;
  }

  /** Ends the process at once; calls in flight fail with this error. Idempotent. */
  kill(error: MagError): void {
    this.#markDead(same(error));
    this.#launched.child.kill('SIGKILL');
  }

  /** Asks the process to end, and makes it when it does not: a breakpoint may hold it. */
  async stop(error: MagError): Promise<void> {
    if (this.#death === null) this.#channel.send({ t: 'stop' });
    this.#markDead(same(error));
    const timer = setTimeout(() => this.kill(error), KILL_GRACE_MS);
    await this.ended;
    clearTimeout(timer);
  }

  async #exchange(
    call: Omit<NewCall, 'resolve' | 'reject'>,
    signal: InvokeOptions['signal'],
    send: (id: number) => boolean,
  ): Promise<string> {
    if (this.#death !== null) throw this.#death.inFlight;
    if (signal?.aborted === true) throw abortError(signal);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const pending = this.#calls.open({ ...call, resolve, reject });
    const onAbort = () => this.#giveUp(pending, abortError(signal));
    signal?.addEventListener('abort', onAbort);
    try {
      if (send(pending.id)) return await promise;
      this.#calls.close(pending);
      throw tooLarge();
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #giveUp(call: PendingCall, error: MagError): void {
    if (this.#calls.lookup(call.id) !== call) return;
    this.#calls.giveUp(call);
    call.reject(error);
    this.#channel.send({ t: 'cancel', id: call.id });
  }

  #receive(frame: CellFrame | DebugMessage): void {
    if (!this.#greeted) this.#receiveFirst(frame);
    else if (frame.t === 'hello') throw new ProtocolError('a second hello');
    else if (frame.t === 'debug') this.sessions.receive(frame);
    else if (frame.t === 'heartbeat') {
      this.#heapBytes = frame.heapBytes;
      this.#cpuUs = frame.cpuUs;
    } else this.#frames.receive(frame);
  }

  #receiveFirst(frame: CellFrame | DebugMessage): void {
    if (frame.t !== 'hello') throw new ProtocolError('the first frame is no hello');
    this.#greeted = true;
    this.#hello.resolve();
  }

  #markDead(death: Death): Death {
    if (this.#death !== null) return this.#death;
    this.#death = death;
    this.#channel.close();
    this.#alive.abort(death.inFlight);
    this.#hello.reject(death.error);
    this.#calls.rejectAll(death.inFlight, death.notTaken);
    this.sessions.closeAll();
    return death;
  }

  #end(death: Death): void {
    this.#ended.resolve(this.#markDead(death));
  }
}
