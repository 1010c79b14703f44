import type { EventLog, StoredEvent } from '../../kernel/ports.ts';
import type { StreamEvent, StreamSource } from '../components/maggate/event-stream.ts';

/** The log wakes us; this is for what it may have missed. */
const POLL_MS = 5_000;
const BATCH = 200;
/** Events sent again to a client that says what it saw last; older ones are read as pages. */
const MAX_MISSED = 1_000;

export interface EventFilter {
  readonly type?: string;
  readonly component?: string;
  /** Id of the event the client saw last. Absent: from now on. */
  readonly after?: string;
}

/** Events as they are appended: in order within a component, each once per stream. */
export async function followEvents(
  log: EventLog,
  filter: EventFilter,
  view: (event: StoredEvent) => unknown = (event) => event,
): Promise<StreamSource> {
  const frame = (event: StoredEvent): StreamEvent => ({
    event: event.event_type,
    id: event.event_id,
    data: view(event),
  });
  // The place in every component comes first: what is appended while the past is read is above it.
  const cursors = await log.heads();
  const missed = await readMissed(log, filter);
  for (const event of missed) advance(cursors, event);
  return {
    pollMs: POLL_MS,
    watch: (wake) => log.onAppend(wake),
    async *poll() {
      for (let event = missed.shift(); event !== undefined; event = missed.shift()) yield frame(event);
      for (const component of await componentsOf(log, filter))
        for await (const event of readNew(log, component, cursors, filter)) yield frame(event);
      return false;
    },
  };
}

/** Oldest first. */
async function readMissed(log: EventLog, filter: EventFilter): Promise<StoredEvent[]> {
  const { type, component, after } = filter;
  if (after === undefined) return [];
  const place = { after, limit: MAX_MISSED };
  const events = await log.latest({
    ...place,
    ...(type ? { type } : {}),
    ...(component ? { component } : {}),
  });
  return events.reverse();
}

async function componentsOf(log: EventLog, { component }: EventFilter): Promise<Iterable<string>> {
  return component === undefined ? (await log.heads()).keys() : [component];
}

async function* readNew(
  log: EventLog,
  component: string,
  cursors: Map<string, number>,
  { type }: EventFilter,
): AsyncGenerator<StoredEvent> {
  for (;;) {
    const from = cursors.get(component) ?? 0;
    const events = await log.read(component, from, BATCH, type === undefined ? undefined : [type]);
    for (const event of events) {
      advance(cursors, event);
      yield event;
    }
    if (events.length < BATCH) return;
  }
}

function advance(cursors: Map<string, number>, { source, sequence }: StoredEvent): void {
  cursors.set(source.component, Math.max(cursors.get(source.component) ?? 0, sequence));
}
