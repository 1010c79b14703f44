import { setTimeout as sleep } from 'node:timers/promises';
import { JetStreamApiError, type JetStreamClient, type PubAck } from '@nats-io/jetstream';
import { MagError } from '../../kernel/errors.ts';
import type { Clock, EventLog } from '../../kernel/ports.ts';
import type { NewEvent } from '../storage/event-row.ts';
import { ANSWER_MS, type NatsLink, storageError, unreachable } from './link.ts';
import { type EventMessage, toMessage } from './message.ts';
import type { Subjects } from './subjects.ts';

const MAX_IN_FLIGHT = 256;
const MAX_IN_FLIGHT_BYTES = 16_000_000;
/** What a server takes unless it was told otherwise, for while none answers. */
const DEFAULT_PAYLOAD_BYTES = 1_048_576;
const MAX_WAITING_EVENTS = 100_000;
/** What the server says of a message that is larger than the stream takes. */
const TOO_LARGE = 10_054;
/** And of an id that is being stored for somebody else; older clusters answer with no number then. */
const BEING_STORED = 10_158;
const ASK_AGAIN_MS = 50;

interface Waiting {
  readonly message: EventMessage;
  readonly resolve: (sequence: number) => void;
  readonly reject: (error: MagError) => void;
}

/**
 * Publishes in the order in which `append` was called, many at a time: they travel on one connection, and the
 * stream takes them as they come. An event is stored when the server has acknowledged it, and not before.
 */
export class NatsPublisher {
  readonly #link: NatsLink;
  readonly #stream: string;
  readonly #subjects: Subjects;
  readonly #clock: Clock;
  readonly #client: JetStreamClient;
  readonly #onStored: (component: string, sequence: number) => void;
  readonly #waiting: Waiting[] = [];
  /** An id that is on its way is not sent twice: in a cluster the second could overtake the memory of the first. */
  readonly #byId = new Map<string, Promise<number>>();
  #inFlight = 0;
  #inFlightBytes = 0;

  constructor(options: {
    link: NatsLink;
    stream: string;
    subjects: Subjects;
    clock: Clock;
    onStored: (component: string, sequence: number) => void;
  }) {
    this.#link = options.link;
    this.#stream = options.stream;
    this.#subjects = options.subjects;
    this.#clock = options.clock;
    this.#client = options.link.manager.jetstream();
    this.#onStored = options.onStored;
    options.link.onChange((connected) => {
      if (!connected) this.#refuseWaiting();
    });
  }

  /** @throws `E_EVENT_SCHEMA` with nothing sent; `E_STORAGE`: some may be stored, publishing them again is safe */
  async append(events: readonly NewEvent[]): ReturnType<EventLog['append']> {
    if (!this.#link.connected) throw unreachable();
    const messages = events.map((event) => this.#message(event));
    if (this.#waiting.length + messages.length > MAX_WAITING_EVENTS)
      throw new MagError('E_STORAGE', 'Events arrive faster than NATS takes them.');
    // All are settled before one is reported: nothing of a failed append is under way any more.
    const results = await Promise.allSettled(messages.map((message) => this.#publish(message)));
    return results.map((result, index) => {
      if (result.status === 'rejected') throw result.reason;
      return { event_id: messages[index]?.id ?? '', sequence: result.value };
    });
  }

  /** @throws `E_EVENT_SCHEMA` for what `append` would refuse for what it is */
  check(event: NewEvent): void {
    this.#message(event);
  }

  #message(event: NewEvent): EventMessage {
    return toMessage(event, {
      now: this.#clock.now().getTime(),
      subjects: this.#subjects,
      maxPayloadBytes: this.#link.connection.info?.max_payload ?? DEFAULT_PAYLOAD_BYTES,
    });
  }

  /** Resolves when nothing is under way any more. */
  async drained(): Promise<void> {
    while (this.#byId.size > 0) await Promise.allSettled(this.#byId.values());
  }

  #publish(message: EventMessage): Promise<number> {
    const sent = this.#byId.get(message.id);
    if (sent !== undefined) return sent;
    const publishing = new Promise<number>((resolve, reject) => {
      this.#waiting.push({ message, resolve, reject });
    });
    this.#byId.set(message.id, publishing);
    const forget = () => this.#byId.delete(message.id);
    publishing.then(forget, forget);
    this.#pump();
    return publishing;
  }

  #pump(): void {
    while (this.#inFlight < MAX_IN_FLIGHT && this.#inFlightBytes < MAX_IN_FLIGHT_BYTES) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      void this.#send(next);
    }
  }

  async #send({ message, resolve, reject }: Waiting): Promise<void> {
    const { component, payload } = message;
    this.#inFlight += 1;
    this.#inFlightBytes += payload.length;
    try {
      const { seq, duplicate } = await this.#acknowledgement(message);
      // A number from before may be of another component.
      if (!duplicate) this.#onStored(component, seq);
      resolve(seq);
    } catch (failure) {
      reject(refusal(failure));
    } finally {
      this.#inFlight -= 1;
      this.#inFlightBytes -= payload.length;
      this.#pump();
    }
  }

  async #acknowledgement({ id, subject, payload }: EventMessage): Promise<PubAck> {
    const options = { msgID: id, expect: { streamName: this.#stream }, timeout: ANSWER_MS };
    for (let left = ANSWER_MS; left > 0; left -= ASK_AGAIN_MS) {
      try {
        const acknowledged = await this.#client.publish(subject, payload, options);
        if (acknowledged.seq > 0) return acknowledged;
      } catch (failure) {
        if (!isAnswer(failure, BEING_STORED)) throw failure;
      }
      await sleep(ASK_AGAIN_MS);
    }
    throw new MagError('E_STORAGE', 'the event log in NATS: the same event is being stored all the time');
  }

  /** They must not be sent behind one that was lost with the connection. */
  #refuseWaiting(): void {
    for (const { reject } of this.#waiting.splice(0)) reject(unreachable());
  }
}

function refusal(failure: unknown): MagError {
  if (isAnswer(failure, TOO_LARGE)) {
    const message = 'The event cannot be stored: it is larger than the stream takes (max_msg_size).';
    return new MagError('E_EVENT_SCHEMA', message, { cause: failure });
  }
  return storageError(failure);
}

function isAnswer(failure: unknown, code: number): boolean {
  return failure instanceof JetStreamApiError && failure.code === code;
}
