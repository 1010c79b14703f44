import addFormats from 'ajv-formats';
import type { Json } from '../manifests/json.ts';
import type { Manifest } from '../manifests/manifest/manifest.ts';
import {
  CALLS,
  type CallName,
  type CallRow,
  type HostCalls as CallTable,
  isCall,
  type KernelCallName,
} from '../manifests/protocol/calls.ts';
import { MAX_PAYLOAD_BYTES } from '../manifests/protocol/limits.ts';
import { type Check, SchemaCompiler } from '../manifests/schema-compiler.ts';
import type { ComponentAdapter } from './adapter.ts';
import { type AdmittedCall, AdmittedCalls } from './capability/admitted-calls.ts';
import type { Demand, Denial, Gate } from './capability/gate.ts';
import { MagError } from './errors.ts';
import type { Caller } from './ports.ts';
import type { CallOrigin } from './sandbox/cell.ts';
import type { CallTransactions } from './transactions.ts';

/** A row of the call table does not compile until its handler is here. */
export type KernelCallHandlers = {
  readonly [C in KernelCallName]: (
    caller: Caller,
    params: CallTable[C]['params'],
  ) => Promise<CallTable[C]['result']>;
};

export interface HostCallsOptions {
  readonly gate: Gate;
  readonly adapters: ReadonlyMap<string, ComponentAdapter>;
  readonly handlers: KernelCallHandlers;
  readonly transactions: CallTransactions;
  /** Sees to the consequences of a denial, then throws it. */
  readonly deny: (caller: Caller, denial: Denial, call: string) => Promise<never>;
}

/** The way from a frame to an effect: table row, parameters, gate, adapter. Nothing reaches an effect past it. */
export class HostCalls {
  readonly #options: HostCallsOptions;
  readonly #valid: ReadonlyMap<CallName, Check>;
  readonly #admitted: AdmittedCalls;

  constructor(options: HostCallsOptions) {
    this.#options = options;
    this.#admitted = new AdmittedCalls(options.gate);
    const ajv = new SchemaCompiler({ strict: true });
    addFormats.default(ajv);
    const names = Object.keys(CALLS) as CallName[];
    this.#valid = new Map(names.map((name) => [name, ajv.later(CALLS[name].params)]));
  }

  /**
   * Does what a guest asked for. `manifest` comes from the channel, `origin` from the host's own record of the
   * call it asks in.
   * @returns the result as JSON text
   * @throws `E_PARAMS`, `E_CAP_*`, `E_LIMIT_OUTPUT`, and what the adapter throws
   */
  async dispatch(
    manifest: Manifest,
    name: string,
    paramsText: string,
    { request, signal, unit, chain }: CallOrigin,
  ): Promise<string> {
    if (!isCall(name)) throw new MagError('E_PARAMS', 'no such host call');
    const row = CALLS[name];
    const params = this.#parse(name, paramsText);
    const call = this.#admitted.open(manifest.id);
    const admitted: Demand[] = [];
    const endsAt = performance.now() + row.deadlineMs;
    let either: AbortSignal | undefined;
    const caller: Caller = {
      extension: manifest.id,
      manifest,
      request,
      // Made when it is asked for: what is answered from memory has nothing to end.
      get signal() {
        either ??= AbortSignal.any([signal, call.signal, deadline(endsAt)]);
        return either;
      },
      call: signal,
      chain,
      admit: async (demands) => {
        await this.#admit(caller, call, row, name, demands);
        admitted.push(...demands);
      },
      transaction: async (id) => {
        const { transactions } = this.#options;
        const joined = id === undefined ? ((await unit?.join()) ?? null) : transactions.find(signal, id);
        joined?.demands.push(...admitted.splice(0)); // to be asked for again at the commit
        return joined?.transaction ?? null;
      },
    };
    const result = await this.#do(caller, call, row, name, params);
    const text = JSON.stringify(result);
    if (text.length > MAX_PAYLOAD_BYTES)
      throw new MagError('E_LIMIT_OUTPUT', `the result of ${name} is too large`);
    return text;
  }

  #parse(name: CallName, text: string): Json {
    let params: Json;
    try {
      params = JSON.parse(text) as Json;
    } catch (cause) {
      throw new MagError('E_PARAMS', `the parameters of ${name} are not JSON`, { cause });
    }
    const valid = this.#valid.get(name);
    if (valid?.(params)) return params;
    const first = valid?.errors?.[0];
    throw new MagError(
      'E_PARAMS',
      `${name}: params${first?.instancePath ?? ''} ${first?.message ?? 'are invalid'}`,
    );
  }

  async #do(
    caller: Caller,
    call: AdmittedCall,
    row: CallRow,
    name: CallName,
    params: Json,
  ): Promise<unknown> {
    try {
      if (row.needs !== 'none') await caller.admit(await this.#demands(caller, row, params));
      return await Promise.race([this.#execute(caller, row, name, params), call.revoked]);
    } finally {
      call.close();
    }
  }

  async #admit(
    caller: Caller,
    call: AdmittedCall,
    row: CallRow,
    name: CallName,
    demands: readonly Demand[],
  ): Promise<void> {
    const { gate, deny } = this.#options;
    const decision = gate.decide(caller.extension, demands);
    if (!decision.allow) return deny(caller, decision, name);
    const adapter = this.#adapterOf(row);
    for (const { capability } of demands) {
      const refined = adapter?.validateCapability(caller.extension, capability);
      if (refined?.allow === false) return deny(caller, refined, name);
    }
    call.add(demands);
  }

  async #demands(caller: Caller, row: CallRow, params: Json): Promise<readonly Demand[]> {
    if (row.needs === 'none') return [];
    if ('capability' in row.needs) return [{ capability: row.needs.capability }];
    const [first] = row.needs.anyOf;
    const declared = new Set(caller.manifest.capabilities.map(({ name }) => name));
    // Who declared none of the family is refused before its parameters are even read.
    if (first !== undefined && !row.needs.anyOf.some((name) => declared.has(name)))
      return [{ capability: first }];
    const adapter = this.#adapterOf(row);
    if (adapter === undefined || row.adapter === undefined) {
      const capability = row.needs.anyOf.find((name) => declared.has(name));
      return capability === undefined ? [] : [{ capability }];
    }
    return adapter.demands(row.adapter.hook, params, caller.extension, declared);
  }

  #execute(caller: Caller, row: CallRow, name: CallName, params: Json): Promise<unknown> {
    const adapter = this.#adapterOf(row);
    if (row.adapter !== undefined) {
      if (adapter === undefined) throw new MagError('E_INTERNAL', `no adapter for ${row.adapter.component}`);
      return adapter.executeHook(row.adapter.hook, { caller, params });
    }
    const handler = this.#options.handlers[name as KernelCallName] as (
      caller: Caller,
      params: Json,
    ) => Promise<unknown>;
    return handler(caller, params);
  }

  #adapterOf(row: CallRow): ComponentAdapter | undefined {
    return row.adapter === undefined ? undefined : this.#options.adapters.get(row.adapter.component);
  }
}

function deadline(endsAt: number): AbortSignal {
  return AbortSignal.timeout(Math.max(0, Math.ceil(endsAt - performance.now())));
}
