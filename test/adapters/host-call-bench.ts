import type { ComponentAdapter } from '../../kernel/adapter.ts';
import { type Denial, Gate, type GrantedCapability } from '../../kernel/capability/gate.ts';
import { MagError } from '../../kernel/errors.ts';
import { HostCalls, type KernelCallHandlers } from '../../kernel/host-calls.ts';
import type { Transactions } from '../../kernel/ports.ts';
import { CallTransactions } from '../../kernel/transactions.ts';
import type { Json } from '../../manifests/json.ts';
import type { Manifest } from '../../manifests/manifest/manifest.ts';
import type { RequestContext } from '../../manifests/protocol/frames.ts';
import { manifestOf } from '../support/manifest.ts';

export interface HostCallBench {
  readonly gate: Gate;
  readonly manifest: Manifest;
  readonly denials: Denial[];
  /** Grants what is named, and nothing else any more. */
  grant(...grants: GrantedCapability[]): void;
  /** The call as a cell would make it, through the call table and the gate to the adapter. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape
  call(name: string, params: Json, signal?: AbortSignal, request?: RequestContext | null): Promise<any>;
}

/** What is tested with it is no database. */
const NO_TRANSACTIONS = {
  begin: () => Promise.reject(new MagError('E_STORAGE', 'there is no database')),
} as unknown as Transactions;

/** The way from a frame to an adapter with the real gate, for one extension with these manifest members. */
export function createHostCallBench(
  adapter: ComponentAdapter,
  members: Record<string, unknown>,
): HostCallBench {
  const gate = new Gate();
  const manifest = manifestOf(members);
  const denials: Denial[] = [];
  const calls = new HostCalls({
    gate,
    adapters: new Map([[adapter.component, adapter]]),
    transactions: new CallTransactions(NO_TRANSACTIONS, gate, () => undefined),
    handlers: {} as KernelCallHandlers, // no call of the kernel's own is made here
    deny: async (_caller, denial) => {
      denials.push(denial);
      throw new MagError(denial.code, denial.detail);
    },
  });
  const grant = (...grants: GrantedCapability[]) => gate.hold(manifest, grants);
  grant(...manifest.capabilities.map(({ name }) => ({ capability: name, scope: null }) as GrantedCapability));
  return {
    gate,
    manifest,
    denials,
    grant,
    call: async (name, params, signal = new AbortController().signal, request = null) =>
      JSON.parse(
        await calls.dispatch(manifest, name, JSON.stringify(params), {
          request,
          signal,
          unit: null,
          chain: [],
        }),
      ),
  };
}
