import type { FastifyReply, FastifyRequest } from 'fastify';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Denied } from '../../../kernel/capability/denials.ts';
import { messageOf } from '../../../kernel/errors.ts';
import type { SubscriptionStatus } from '../../../kernel/events/bus.ts';
import type { Logger, Stores } from '../../../kernel/ports.ts';
import type { CellStats } from '../../../kernel/sandbox/cell.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import type { JobStore } from '../../storage/job-store.ts';
import type { RealtimeCounts } from '../magws/magws.ts';
import { addRealtimeMetrics } from '../magws/metrics.ts';
import { RequestMetrics } from './request-metrics.ts';

/** What the host counts, in the text format of Prometheus. */
export interface Metrics {
  observe(request: FastifyRequest, reply: FastifyReply): void;
  readonly contentType: string;
  text(): Promise<string>;
}

/** One extension that runs on this host. */
export interface RunningCell {
  readonly extension: ExtensionId;
  readonly stats: CellStats;
  /** What it used of the components since the host started. */
  readonly used: Readonly<Record<string, number>>;
}

export function createMetrics(deps: {
  stores: Pick<Stores, 'events'>;
  subscriptions: () => Promise<readonly SubscriptionStatus[]>;
  cells: () => readonly RunningCell[];
  /** Cells that wait for an extension. */
  spareCells: () => number;
  jobs: Pick<JobStore, 'counts'>;
  denied: () => readonly Denied[];
  realtime: () => RealtimeCounts | null;
  /** What extensions count themselves: those that run here. */
  custom: (extensions: readonly ExtensionId[]) => Promise<string>;
  logger: Logger;
}): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new RequestMetrics();
  addCellMetrics(registry, deps.cells);
  new Gauge({
    name: 'magflock_spare_cells',
    help: 'Cells that wait for an extension.',
    registers: [registry],
    collect() {
      this.set(deps.spareCells());
    },
  });
  addDenialMetrics(registry, deps.denied);
  addRealtimeMetrics(registry, deps.realtime);
  addEventMetrics(registry, deps.stores, deps.logger);
  addSubscriptionMetrics(registry, deps.subscriptions, deps.logger);
  addJobMetrics(registry, deps.jobs, deps.logger);
  return {
    observe: (request, reply) =>
      requests.observe(request.method, routeOf(request), reply.statusCode, reply.elapsedTime / 1_000),
    contentType: registry.contentType,
    text: async () =>
      `${await registry.metrics()}\n${requests.text()}` +
      (await deps.custom(deps.cells().map(({ extension }) => extension))),
  };
}

/** A pattern, never what a client made up: labels must stay few. */
function routeOf(request: FastifyRequest): string {
  return request.endpoint?.route.mount ?? request.routeConfig?.url ?? 'unknown';
}

function addJobMetrics(registry: Registry, jobs: Pick<JobStore, 'counts'>, logger: Logger): void {
  new Gauge({
    name: 'magflock_jobs',
    help: 'Background jobs that wait or run, on all hosts.',
    labelNames: ['extension', 'job', 'state'],
    registers: [registry],
    async collect() {
      this.reset();
      const counts = await jobs.counts().catch((failure: unknown) => {
        logger.warn({ reason: messageOf(failure) }, 'jobs could not be counted');
        return [];
      });
      for (const { extension, name: job, queued, running } of counts) {
        this.set({ extension, job, state: 'queued' }, queued);
        this.set({ extension, job, state: 'running' }, running);
      }
    },
  });
}

type Read = (cell: RunningCell) => number;

const CELL_GAUGES: readonly (readonly [name: string, help: string, read: Read])[] = [
  ['magflock_cell_calls', 'Calls into an extension since it started.', ({ stats }) => stats.calls],
  ['magflock_cell_errors', 'Calls that failed since it started.', ({ stats }) => stats.errors],
  ['magflock_cell_restarts', 'Times its cell was started again.', ({ stats }) => stats.restarts],
  ['magflock_cell_cpu_seconds', 'Processor time it used.', ({ stats }) => stats.cpuMs / 1_000],
  ['magflock_cell_host_seconds', "Time it kept the host's thread.", ({ stats }) => stats.hostMs / 1_000],
  ['magflock_cell_heap_bytes', 'Heap it uses.', ({ stats }) => stats.heapBytes],
  ['magflock_cell_host_calls', 'Host calls since it started.', ({ stats }) => stats.hostCalls],
  ['magflock_cell_egress_sent_bytes', 'Sent over the network.', ({ used }) => used.egressSentBytes ?? 0],
  [
    'magflock_cell_egress_received_bytes',
    'Received over the network.',
    ({ used }) => used.egressReceivedBytes ?? 0,
  ],
];

function addCellMetrics(registry: Registry, cells: () => readonly RunningCell[]): void {
  for (const [name, help, read] of CELL_GAUGES) {
    new Gauge({
      name,
      help,
      labelNames: ['extension'],
      registers: [registry],
      collect() {
        this.reset();
        for (const cell of cells()) this.set({ extension: cell.extension }, read(cell));
      },
    });
  }
  addRefusalMetrics(registry, cells);
}

function addRefusalMetrics(registry: Registry, cells: () => readonly RunningCell[]): void {
  new Gauge({
    name: 'magflock_cell_refused',
    help: 'What a limit ended or refused since it started, by the code of the limit.',
    labelNames: ['extension', 'code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { extension, stats } of cells()) {
        for (const [code, count] of Object.entries(stats.refused)) this.set({ extension, code }, count);
      }
    },
  });
}

/** Also of extensions that no longer run: what was refused may have ended them. */
function addDenialMetrics(registry: Registry, denied: () => readonly Denied[]): void {
  new Gauge({
    name: 'magflock_capability_denials',
    help: 'What the gate refused an extension since the host started, by code.',
    labelNames: ['extension', 'code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { extension, code, count } of denied()) this.set({ extension, code }, count);
    },
  });
}

function addEventMetrics(registry: Registry, stores: Pick<Stores, 'events'>, logger: Logger): void {
  new Gauge({
    name: 'magflock_events_last_sequence',
    help: 'Events in the log so far, by component.',
    labelNames: ['component'],
    registers: [registry],
    async collect() {
      this.reset();
      try {
        for (const [component, head] of await stores.events.heads()) this.set({ component }, head);
      } catch (error) {
        // The other numbers are wanted most when the database does not answer.
        logger.warn({ err: error }, 'event numbers are missing from the metrics');
      }
    },
  });
}

const SUBSCRIPTION_GAUGES: readonly (readonly [
  name: string,
  help: string,
  read: (subscription: SubscriptionStatus) => number | undefined,
])[] = [
  ['magflock_subscription_lag', 'Events of its component that it has not seen yet.', ({ lag }) => lag],
  [
    'magflock_subscription_dead_letters',
    'Events that it could not handle.',
    ({ deadLetters }) => deadLetters,
  ],
  ['magflock_subscription_delivered', 'Delivered by this host.', ({ counts }) => counts?.delivered],
  [
    'magflock_subscription_retries',
    'Deliveries that failed and were tried again.',
    ({ counts }) => counts?.retries,
  ],
];

function addSubscriptionMetrics(
  registry: Registry,
  subscriptions: () => Promise<readonly SubscriptionStatus[]>,
  logger: Logger,
): void {
  const all = askedOnce(subscriptions);
  for (const [name, help, read] of SUBSCRIPTION_GAUGES) {
    new Gauge({
      name,
      help,
      labelNames: ['extension', 'type'],
      registers: [registry],
      async collect() {
        this.reset();
        try {
          for (const subscription of await all()) {
            const { extension, type } = subscription;
            const value = read(subscription);
            if (value !== undefined) this.set({ extension, type }, value);
          }
        } catch (error) {
          logger.warn({ err: error }, 'numbers of subscriptions are missing from the metrics');
        }
      },
    });
  }
}

/** The gauges of one scrape share an answer: they are collected in the same turn. */
function askedOnce<Value>(ask: () => Promise<Value>): () => Promise<Value> {
  let answer: Promise<Value> | null = null;
  return () => {
    answer ??= ask().finally(() => {
      answer = null;
    });
    return answer;
  };
}
