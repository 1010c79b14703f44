import type { MetricLabels, Metrics } from '../../../manifests/sdk/host-api.ts';
import type { Ask } from './context.ts';
import { freeze } from './primordials.ts';

/** `ctx.metrics`: what a metric is called with is sent as it is; the host knows the metrics. */
export function createMetrics(ask: Ask): Metrics {
  const send = async (call: string, params: object): Promise<void> => {
    await ask(call, params);
  };
  const gauge = (name: string) => {
    const change = (operation: string, value: number, labels: MetricLabels | undefined) =>
      send('metrics.gauge', { name, operation, value, labels });
    return freeze({
      set: (value: number, labels?: MetricLabels) => change('set', value, labels),
      inc: (value = 1, labels?: MetricLabels) => change('add', value, labels),
      dec: (value = 1, labels?: MetricLabels) => change('add', -value, labels),
    });
  };
  return freeze({
    gauge,
    counter: (name: string) =>
      freeze({
        inc: (value?: number, labels?: MetricLabels) => send('metrics.counter', { name, value, labels }),
      }),
    histogram: (name: string, options?: { readonly buckets?: readonly number[] }) =>
      freeze({
        observe: (value: number, labels?: MetricLabels) =>
          send('metrics.histogram', { name, value, labels, buckets: options?.buckets }),
      }),
  });
}
