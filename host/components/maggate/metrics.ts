import type { FastifyReply, FastifyRequest } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Logger, Stores } from '../../../kernel/ports.ts';
import type { CellStats } from '../../../kernel/sandbox/cell.ts';

/** What the host counts, in the text format of Prometheus. */
export interface Metrics {
  observe(request: FastifyRequest, reply: FastifyReply): void;
  readonly contentType: string;
  text(): Promise<string>;
}

/** One extension that runs on this host. */
export interface RunningCell {
  readonly extension: string;
  readonly stats: CellStats;
}

export function createMetrics(deps: {
  stores: Pick<Stores, 'events'>;
  cells: () => readonly RunningCell[];
  logger: Logger;
}): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const observe = createRequestMetrics(registry);
  addCellMetrics(registry, deps.cells);
  addEventMetrics(registry, deps.stores, deps.logger);
  return { observe, contentType: registry.contentType, text: () => registry.metrics() };
}

function createRequestMetrics(registry: Registry): Metrics['observe'] {
  const requests = new Counter({
    name: 'magflock_http_requests_total',
    help: 'Requests answered.',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'magflock_http_request_duration_seconds',
    help: 'Time from request to answer.',
    labelNames: ['method', 'route'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  return (request, reply) => {
    const [method, route] = [request.method, routeOf(request)];
    requests.inc({ method, route, status: String(reply.statusCode) });
    duration.observe({ method, route }, reply.elapsedTime / 1_000);
  };
}

/** A pattern, never what a client made up: labels must stay few. */
function routeOf(request: FastifyRequest): string {
  if (request.endpoint !== null) return `/x/${request.endpoint.route.extension}`;
  return request.routeOptions.url ?? 'unknown';
}

const CELL_GAUGES = [
  ['magflock_cell_calls', 'Calls into an extension since it started.', (stats: CellStats) => stats.calls],
  ['magflock_cell_errors', 'Calls that failed since it started.', (stats: CellStats) => stats.errors],
  ['magflock_cell_restarts', 'Times its cell was started again.', (stats: CellStats) => stats.restarts],
  ['magflock_cell_cpu_seconds', 'Processor time it used.', (stats: CellStats) => stats.cpuMs / 1_000],
  ['magflock_cell_heap_bytes', 'Heap it uses.', (stats: CellStats) => stats.heapBytes],
] as const;

function addCellMetrics(registry: Registry, cells: () => readonly RunningCell[]): void {
  for (const [name, help, read] of CELL_GAUGES) {
    new Gauge({
      name,
      help,
      labelNames: ['extension'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { extension, stats } of cells()) this.set({ extension }, read(stats));
      },
    });
  }
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
