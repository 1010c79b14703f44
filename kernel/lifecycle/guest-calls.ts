import type { CapabilityName } from '../../manifests/catalog/index.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { GuestTarget, RequestContext } from '../../manifests/protocol/frames.ts';
import { AdmittedCalls } from '../capability/admitted-calls.ts';
import type { Demand } from '../capability/gate.ts';
import { MagError } from '../errors.ts';
import type { CallOptions, EndpointHost, GuestHost } from '../operator.ts';
import type { StoredEvent } from '../ports.ts';
import type { EndpointAnswer, InvokeOptions } from '../sandbox/cell.ts';
import { budget } from './guest.ts';
import type { Parts } from './parts.ts';
import type { Running } from './running-extensions.ts';

/**
 * What components call in extensions: endpoints, jobs. The gate is asked before each call, and a call under way
 * ends when what it was let in on is revoked.
 */
export class GuestCalls implements EndpointHost, GuestHost {
  readonly #parts: Parts;
  readonly #admitted: AdmittedCalls;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#admitted = new AdmittedCalls(parts.gate);
  }

  async whyNot(id: ExtensionId): Promise<'E_NOT_FOUND' | 'E_NOT_ENABLED' | 'E_QUARANTINED'> {
    if (this.#parts.running.get(id) !== undefined) return 'E_NOT_FOUND'; // it runs, and serves no such thing
    const record = await this.#parts.stores.extensions.get(id);
    if (record === null || record.state === 'uninstalled' || record.state === 'staged') return 'E_NOT_FOUND';
    return record.state === 'quarantined' ? 'E_QUARANTINED' : 'E_NOT_ENABLED';
  }

  may(id: ExtensionId, target: GuestTarget): boolean {
    const demands = this.#parts.running.get(id)?.demands.get(`${target.kind} ${target.name}`);
    return demands?.every((demand) => this.#parts.gate.covers(id, demand)) === true;
  }

  require(id: ExtensionId, demands: readonly Demand[]): void {
    const decision = this.#parts.gate.decide(id, demands);
    if (decision.allow) return;
    throw new MagError(decision.code, decision.detail, { blame: { extension: id } });
  }

  holds(id: ExtensionId, capability: CapabilityName): boolean {
    return this.#parts.gate.covers(id, { capability });
  }

  maySee(id: ExtensionId, event: StoredEvent): boolean {
    return this.#parts.running.get(id) !== undefined && this.#parts.running.maySee(id, event);
  }

  onGrants(listener: (id: ExtensionId) => void): void {
    this.#parts.gate.onChange(listener);
  }

  invoke(
    id: ExtensionId,
    target: GuestTarget,
    payload: Json,
    request: RequestContext | null,
  ): Promise<EndpointAnswer> {
    return this.#letIn(id, target, { request }, async (running, options, demands) => {
      const answer = await running.process.serve(target, payload, options);
      if (answer.stream !== null) this.#parts.streams.add(id, demands, answer.stream);
      if (this.#parts.running.get(id) === undefined) this.#parts.streams.cut(id); // it went while it answered
      return answer;
    });
  }

  call(id: ExtensionId, target: GuestTarget, payload: Json, options: CallOptions): Promise<Json> {
    return this.#letIn(id, target, options, (running, invoke) =>
      running.process.invoke(target, payload, invoke),
    );
  }

  answerFailed(id: ExtensionId): void {
    this.#parts.running.get(id)?.process.countError();
  }

  async #letIn<Answer>(
    id: ExtensionId,
    target: GuestTarget,
    { request, signal, deadlineMs }: CallOptions,
    work: (running: Running, options: InvokeOptions, demands: Demands) => Promise<Answer>,
  ): Promise<Answer> {
    const running = this.#parts.running.get(id);
    if (running === undefined) throw new MagError(await this.whyNot(id), `${id} does not run`);
    const demands = running.demands.get(`${target.kind} ${target.name}`);
    if (demands === undefined)
      throw new MagError('E_NOT_FOUND', `${id} has no ${target.kind} ${target.name}`);
    this.require(id, demands);
    const call = this.#admitted.open(id, demands);
    const { deadlineMs: wallMs, cpuMs } = budget(running.manifest);
    const either = signal === undefined ? call : AbortSignal.any([call.signal, signal]);
    try {
      // The process rejects with what the signal is aborted with, at once.
      return await work(
        running,
        { request, deadlineMs: deadlineMs ?? wallMs, cpuMs, signal: either },
        demands,
      );
    } catch (failure) {
      await this.#parts.quarantined(id); // whoever sees the refusal finds it on record
      throw failure;
    } finally {
      call.close();
    }
  }
}

type Demands = Running['demands'] extends ReadonlyMap<string, infer Value> ? Value : never;
