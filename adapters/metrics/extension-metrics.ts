import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { MagError } from '../../kernel/errors.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { checkNames, metricName } from './names.ts';

/** Time series of one extension. A set of labels of a histogram is one for each of its buckets, and three more. */
const MAX_SERIES = 500;
/** Seconds, from 5 ms to 10 s. */
const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** One change of one series. */
export type Update = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
} & (
  | { readonly type: 'counter' }
  | { readonly type: 'gauge'; readonly operation: 'set' | 'add' }
  | { readonly type: 'histogram'; readonly buckets: readonly number[] | null }
);

interface Metric {
  /** Type, label names and buckets: a name has one of each for good. */
  readonly shape: string;
  readonly seriesPerLabels: number;
  /** Values of the labels that there are. */
  readonly known: Set<string>;
  apply(labels: Record<string, string>, update: Update): void;
}

/** The metrics of one extension, in a registry that nobody else writes to. */
export class ExtensionMetrics {
  readonly #extension: ExtensionId;
  readonly #registry = new Registry();
  readonly #metrics = new Map<string, Metric>();
  #series = 0;

  constructor(extension: ExtensionId) {
    this.#extension = extension;
  }

  /** @throws `E_PARAMS` when the name is taken by a metric of another shape, `E_METRIC_QUOTA` */
  update(update: Update): void {
    checkNames(update.name, update.labels);
    const labelNames = Object.keys(update.labels).sort();
    const metric = this.#metrics.get(update.name) ?? this.#declare(update, labelNames);
    if (metric.shape !== shapeOf(update, labelNames)) throw otherShape(update.name);
    this.#count(metric, JSON.stringify(labelNames.map((name) => update.labels[name])));
    metric.apply({ ...update.labels, extension: this.#extension }, update);
  }

  /** In the text format of Prometheus; empty when nothing was ever counted. */
  async text(): Promise<string> {
    return this.#metrics.size === 0 ? '' : `\n${await this.#registry.metrics()}`;
  }

  #count(metric: Metric, values: string): void {
    if (metric.known.has(values)) return;
    this.#requireRoom(metric.seriesPerLabels);
    this.#series += metric.seriesPerLabels;
    metric.known.add(values);
  }

  #requireRoom(series: number): void {
    if (this.#series + series <= MAX_SERIES) return;
    throw new MagError('E_METRIC_QUOTA', `More than ${MAX_SERIES} time series.`);
  }

  #declare(update: Update, labelNames: readonly string[]): Metric {
    const seriesPerLabels = update.type === 'histogram' ? bucketsOf(update).length + 3 : 1;
    this.#requireRoom(seriesPerLabels); // what has none leaves no name behind
    const metric: Metric = {
      shape: shapeOf(update, labelNames),
      seriesPerLabels,
      known: new Set(),
      apply: this.#register(update, ['extension', ...labelNames]),
    };
    this.#metrics.set(update.name, metric);
    return metric;
  }

  #register(update: Update, labelNames: string[]): Metric['apply'] {
    const name = metricName(this.#extension, update.name);
    const help = `${update.name} of ${this.#extension}.`;
    const common = { name, help, labelNames, registers: [this.#registry] };
    if (update.type === 'counter') {
      const counter = new Counter(common);
      return (labels, { value }) => counter.inc(labels, value);
    }
    if (update.type === 'histogram') {
      const histogram = new Histogram({ ...common, buckets: bucketsOf(update) });
      return (labels, { value }) => histogram.observe(labels, value);
    }
    const gauge = new Gauge(common);
    return (labels, change) => {
      if (change.type === 'gauge' && change.operation === 'add') gauge.inc(labels, change.value);
      else gauge.set(labels, change.value);
    };
  }
}

function shapeOf(update: Update, labelNames: readonly string[]): string {
  const buckets = update.type === 'histogram' ? bucketsOf(update) : [];
  return JSON.stringify([update.type, labelNames, buckets]);
}

function bucketsOf({ buckets }: { readonly buckets: readonly number[] | null }): number[] {
  if (buckets === null) return DEFAULT_BUCKETS;
  if (buckets.some((bound, at) => at > 0 && bound <= (buckets[at - 1] ?? bound)))
    throw new MagError('E_PARAMS', 'The buckets of a histogram rise.');
  return [...buckets];
}

function otherShape(name: string): MagError {
  return new MagError('E_PARAMS', `${name} is a metric of another type, or has other labels or buckets.`);
}
