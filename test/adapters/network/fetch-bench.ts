import { createNetworkAdapter, type NetworkAdapter } from '../../../adapters/network/index.ts';
import { codeOf } from '../../../kernel/errors.ts';
import type { HostCalls } from '../../../manifests/protocol/calls.ts';
import { createHostCallBench, type HostCallBench } from '../host-call-bench.ts';

type FetchParams = HostCalls['http.fetch']['params'];
type FetchResult = HostCalls['http.fetch']['result'];

export interface FetchBench extends AsyncDisposable, HostCallBench {
  readonly adapter: NetworkAdapter;
  fetch(params: FetchParams, signal?: AbortSignal): Promise<FetchResult & { text: string }>;
  /** The code a fetch fails with, or the status it ends with. */
  outcome(params: FetchParams): Promise<string | number | undefined>;
}

export interface FetchBenchOptions {
  readonly methods?: readonly string[];
  readonly limits?: object;
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
}

/** An extension that was granted these origins, and the adapter behind it. */
export function createFetchBench(origins: readonly string[], options: FetchBenchOptions = {}): FetchBench {
  const { methods, limits = {}, resolve } = options;
  const adapter = createNetworkAdapter(resolve === undefined ? {} : { resolve });
  const scope = { origins, ...(methods === undefined ? {} : { methods }) };
  const bench = createHostCallBench(adapter, {
    capabilities: [{ name: 'network.outbound', reason: 'r', scope }],
    limits,
  });
  const fetch = async (params: FetchParams, signal?: AbortSignal) => {
    const result: FetchResult = await bench.call('http.fetch', params, signal);
    return { ...result, text: Buffer.from(result.body, 'base64').toString() };
  };
  return {
    ...bench,
    adapter,
    fetch,
    outcome: (params) => fetch(params).then(({ status }) => status, codeOf),
    [Symbol.asyncDispose]: () => adapter[Symbol.asyncDispose](),
  };
}
