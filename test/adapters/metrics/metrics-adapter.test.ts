import { describe, expect, it } from 'vitest';
import { createMetricsAdapter } from '../../../adapters/metrics/index.ts';
import { codeOf } from '../../../kernel/errors.ts';
import type { Json } from '../../../manifests/json.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { describeAdapterContract } from '../adapter-contract.ts';
import { createHostCallBench } from '../host-call-bench.ts';

describeAdapterContract({
  component: 'metrics',
  event: {
    type: 'extension.error',
    data: { extension: 'a/b', version: '1.0.0', code: 'E_PARAMS', detail: '' },
  },
  create: async () => ({ adapter: createMetricsAdapter(), dispose: async () => undefined }),
});

function createMetricsBench(id: ExtensionId = 'acme/shop', adapter = createMetricsAdapter()) {
  const capabilities = [{ name: 'system.metrics', reason: 'r' }];
  const bench = createHostCallBench(adapter, { id, capabilities });
  return {
    ...bench,
    adapter,
    outcome: (call: string, params: Json) => bench.call(`metrics.${call}`, params).then(() => 'ok', codeOf),
    /** The lines with numbers, without the comments. */
    lines: async (...ids: ExtensionId[]) =>
      (await adapter.text(ids.length === 0 ? [id] : ids))
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#')),
  };
}

describe('custom metrics', () => {
  it('are counted, set and measured, under the name of the extension', async () => {
    const { outcome, lines } = createMetricsBench();
    for (const [call, params] of [
      ['counter', { name: 'orders' }],
      ['counter', { name: 'orders', value: 2.5 }],
      ['gauge', { name: 'open', operation: 'set', value: 7, labels: { kind: 'a' } }],
      ['gauge', { name: 'open', operation: 'add', value: -2, labels: { kind: 'a' } }],
      ['gauge', { name: 'open', operation: 'add', value: 1, labels: { kind: 'b' } }],
      ['histogram', { name: 'size', value: 15, buckets: [10, 20] }],
    ] as [string, Json][]) {
      expect([call, await outcome(call, params)]).toEqual([call, 'ok']);
    }
    expect(await lines()).toEqual([
      'mag_ext_acme_shop_orders{extension="acme/shop"} 3.5',
      'mag_ext_acme_shop_open{kind="a",extension="acme/shop"} 5',
      'mag_ext_acme_shop_open{kind="b",extension="acme/shop"} 1',
      'mag_ext_acme_shop_size_bucket{le="10",extension="acme/shop"} 0',
      'mag_ext_acme_shop_size_bucket{le="20",extension="acme/shop"} 1',
      'mag_ext_acme_shop_size_bucket{le="+Inf",extension="acme/shop"} 1',
      'mag_ext_acme_shop_size_sum{extension="acme/shop"} 15',
      'mag_ext_acme_shop_size_count{extension="acme/shop"} 1',
    ]);
  });

  it('keep two extensions apart, whatever their names', async () => {
    const adapter = createMetricsAdapter();
    const ids: ExtensionId[] = ['acme/ab', 'acme-a/bb', 'acme/a-bb', 'acme-/abb', 'ac/me-a'];
    for (const id of ids)
      await createMetricsBench(id, adapter).call('metrics.counter', { name: 'a_b', value: 1 });
    const names = (await createMetricsBench('acme/ab', adapter).lines(...ids)).map(
      (line) => line.split('{')[0],
    );
    expect(new Set(names).size).toBe(ids.length);
    expect(await createMetricsBench('acme/none', adapter).lines()).toEqual([]);
  });

  it('cannot write lines of their own', async () => {
    const { outcome, lines } = createMetricsBench();
    expect(await outcome('counter', { name: 'a', labels: { b: '"} 1\nmagflock_up{x="' } })).toBe('E_PARAMS');
    expect(await outcome('counter', { name: 'a', labels: { b: '"} 1 \\' } })).toBe('ok');
    expect(await lines()).toEqual(['mag_ext_acme_shop_a{b="\\"} 1 \\\\",extension="acme/shop"} 1']);
  });

  it.each<[string, string, Json]>([
    ['a name with capitals', 'counter', { name: 'Orders' }],
    ['a name that begins with a digit', 'counter', { name: '1st' }],
    ['a name of a part of a histogram', 'counter', { name: 'size_bucket' }],
    ['the label of the host', 'counter', { name: 'a', labels: { extension: 'acme/other' } }],
    ['the label of the format', 'histogram', { name: 'a', value: 1, labels: { le: '1' } }],
    ['a label of another alphabet', 'counter', { name: 'a', labels: { 'a-b': '1' } }],
    ['half a character', 'counter', { name: 'a', labels: { b: '\ud800' } }],
    ['a number as a label', 'counter', { name: 'a', labels: { b: 1 } }],
    ['a long label', 'counter', { name: 'a', labels: { b: 'x'.repeat(129) } }],
    [
      'many labels',
      'counter',
      { name: 'a', labels: Object.fromEntries([...'abcdefghi'].map((c) => [c, ''])) },
    ],
    ['a counter that falls', 'counter', { name: 'a', value: -1 }],
    ['a gauge without a number', 'gauge', { name: 'a', operation: 'set', value: null }],
    ['buckets that do not rise', 'histogram', { name: 'a', value: 1, buckets: [2, 1] }],
  ])('refuse %s, and nothing is left of it', async (_what, call, params) => {
    const { outcome, lines } = createMetricsBench();
    expect(await outcome(call, params)).toBe('E_PARAMS');
    expect(await lines()).toEqual([]);
  });

  it('have one type, one set of labels and one set of buckets for good', async () => {
    const { outcome } = createMetricsBench();
    await outcome('histogram', { name: 'a', value: 1, labels: { b: '1', c: '1' }, buckets: [1] });
    expect(
      await outcome('histogram', { name: 'a', value: 1, labels: { c: '2', b: '2' }, buckets: [1] }),
    ).toBe('ok');
    expect(await outcome('histogram', { name: 'a', value: 1, labels: { b: '1' }, buckets: [1] })).toBe(
      'E_PARAMS',
    );
    expect(await outcome('histogram', { name: 'a', value: 1, labels: { b: '1', c: '1' } })).toBe('E_PARAMS');
    expect(await outcome('counter', { name: 'a', labels: { b: '1', c: '1' } })).toBe('E_PARAMS');
  });

  it('are so many and no more; those there are go on', async () => {
    const { outcome } = createMetricsBench();
    expect(await outcome('histogram', { name: 'h', value: 1 })).toBe('ok'); // 14 of them
    for (let i = 0; i < 486; i += 1)
      expect(await outcome('counter', { name: 'c', labels: { i: `${i}` } })).toBe('ok');
    expect(await outcome('counter', { name: 'c', labels: { i: 'more' } })).toBe('E_METRIC_QUOTA');
    expect(await outcome('gauge', { name: 'g', operation: 'set', value: 1 })).toBe('E_METRIC_QUOTA');
    expect(await outcome('counter', { name: 'c', labels: { i: '7' } })).toBe('ok');
    expect(await outcome('histogram', { name: 'h', value: 2 })).toBe('ok');
  });

  it('go with the extension, which may begin again', async () => {
    const { adapter, outcome, lines } = createMetricsBench();
    await outcome('counter', { name: 'a' });
    await adapter.forget?.('acme/shop', { purge: false });
    await adapter.forget?.('acme/shop', { purge: false });
    expect(await lines()).toEqual([]);
    expect(await outcome('gauge', { name: 'a', operation: 'set', value: 3 })).toBe('ok');
    expect(await lines()).toEqual(['mag_ext_acme_shop_a{extension="acme/shop"} 3']);
  });

  it('need the right to them', async () => {
    const bench = createMetricsBench();
    bench.grant();
    expect(await bench.outcome('counter', { name: 'a' })).toBe('E_CAP_REVOKED');
    expect(await bench.lines()).toEqual([]);
  });
});
