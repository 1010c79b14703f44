import { Gauge, type Registry } from 'prom-client';
import type { RealtimeCounts } from './magws.ts';

const GAUGES: readonly (readonly [name: string, help: string, read: (counts: RealtimeCounts) => number])[] = [
  ['magflock_ws_connections', 'Connections to /ws now.', ({ connections }) => connections],
  ['magflock_ws_subscriptions', 'Subscriptions to channels now.', ({ subscriptions }) => subscriptions],
  ['magflock_ws_opened', 'Connections that were made.', ({ opened }) => opened],
  ['magflock_ws_received', 'Messages of clients.', ({ received }) => received],
  ['magflock_ws_broadcasts', 'Messages sent to channels.', ({ broadcasts }) => broadcasts],
];

/** `counts` says `null` where nobody can connect. */
export function addRealtimeMetrics(registry: Registry, counts: () => RealtimeCounts | null): void {
  for (const [name, help, read] of GAUGES) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const now = counts();
        if (now !== null) this.set(read(now));
      },
    });
  }
  new Gauge({
    name: 'magflock_ws_closed',
    help: 'Connections that ended, by close code.',
    labelNames: ['code'],
    registers: [registry],
    collect() {
      for (const [code, count] of counts()?.closed ?? []) this.set({ code }, count);
    },
  });
}
