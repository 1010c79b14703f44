/** Seconds, from 1 ms to 10 s. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const REQUESTS = 'magflock_http_requests_total';
const DURATION = 'magflock_http_request_duration_seconds';

/** Requests of one method to one route. */
class Series {
  readonly #statuses = new Map<number, number>();
  /** By the first bound that is not below them; behind the last one: all others. */
  readonly #durations = new Array<number>(BUCKETS.length + 1).fill(0);
  #seconds = 0;

  observe(status: number, seconds: number): void {
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    let at = 0;
    while (at < BUCKETS.length && seconds > (BUCKETS[at] as number)) at++;
    this.#durations[at] = (this.#durations[at] ?? 0) + 1;
    this.#seconds += seconds;
  }

  *counts(labels: string): Iterable<string> {
    for (const [status, count] of this.#statuses) yield `${REQUESTS}{${labels},status="${status}"} ${count}`;
  }

  *histogram(labels: string): Iterable<string> {
    let total = 0;
    for (const [at, count] of this.#durations.entries()) {
      total += count;
      yield `${DURATION}_bucket{le="${BUCKETS[at] ?? '+Inf'}",${labels}} ${total}`;
    }
    yield `${DURATION}_sum{${labels}} ${this.#seconds}`;
    yield `${DURATION}_count{${labels}} ${total}`;
  }
}

/**
 * Requests by method, route and status, and how long they took. Counted here and not with `prom-client`, which builds
 * and hashes an object of labels for each number: every request is counted twice.
 */
export class RequestMetrics {
  readonly #routes = new Map<string, Map<string, Series>>();

  /** @param route a pattern, never what a client made up: labels must stay few */
  observe(method: string, route: string, status: number, seconds: number): void {
    let methods = this.#routes.get(route);
    if (methods === undefined) {
      methods = new Map();
      this.#routes.set(route, methods);
    }
    let series = methods.get(method);
    if (series === undefined) {
      series = new Series();
      methods.set(method, series);
    }
    series.observe(status, seconds);
  }

  /** In the text format of Prometheus. */
  text(): string {
    const series = [...this.#routes].flatMap(([route, methods]) =>
      [...methods].map(([method, one]) => ({ labels: `method="${method}",route="${escaped(route)}"`, one })),
    );
    return [
      `# HELP ${REQUESTS} Requests answered.`,
      `# TYPE ${REQUESTS} counter`,
      ...series.flatMap(({ labels, one }) => [...one.counts(labels)]),
      '',
      `# HELP ${DURATION} Time from request to answer.`,
      `# TYPE ${DURATION} histogram`,
      ...series.flatMap(({ labels, one }) => [...one.histogram(labels)]),
      '',
    ].join('\n');
  }
}

function escaped(label: string): string {
  return label.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
