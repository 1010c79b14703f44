import type { MetricLabels } from '../../sdk/host-api.ts';
import { type CallRow, object } from './row.ts';

export interface MetricsCalls {
  'metrics.counter': { params: MetricParams & { value?: number }; result: null };
  'metrics.gauge': { params: MetricParams & { operation: 'set' | 'add'; value: number }; result: null };
  'metrics.histogram': { params: MetricParams & { value: number; buckets?: number[] }; result: null };
}

type MetricParams = { name: string; labels?: MetricLabels };

const number = { type: 'number' } as const;
const metricName = { type: 'string', pattern: '^[a-z][a-z0-9_]*$', maxLength: 80 } as const;
const labels = {
  type: 'object',
  maxProperties: 8,
  propertyNames: { pattern: '^[a-z][a-z0-9_]*$', maxLength: 40 },
  additionalProperties: { type: 'string', maxLength: 128 },
} as const;

export const METRICS_ROWS = {
  'metrics.counter': {
    adapter: { component: 'metrics', hook: 'counter' },
    needs: { capability: 'system.metrics' },
    deadlineMs: 2_000,
    errors: ['E_METRIC_QUOTA'],
    params: object({ name: metricName, value: { ...number, minimum: 0 }, labels }, ['name']),
  },
  'metrics.gauge': {
    adapter: { component: 'metrics', hook: 'gauge' },
    needs: { capability: 'system.metrics' },
    deadlineMs: 2_000,
    errors: ['E_METRIC_QUOTA'],
    params: object({ name: metricName, operation: { enum: ['set', 'add'] }, value: number, labels }, [
      'name',
      'operation',
      'value',
    ]),
  },
  'metrics.histogram': {
    adapter: { component: 'metrics', hook: 'histogram' },
    needs: { capability: 'system.metrics' },
    deadlineMs: 2_000,
    errors: ['E_METRIC_QUOTA'],
    params: object(
      {
        name: metricName,
        value: number,
        labels,
        buckets: { type: 'array', minItems: 1, maxItems: 30, items: number },
      },
      ['name', 'value'],
    ),
  },
} as const satisfies { readonly [C in keyof MetricsCalls]: CallRow };
