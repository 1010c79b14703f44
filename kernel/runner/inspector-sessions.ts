/** A session of V8's inspector, as isolated-vm has them. */
interface InspectorSession {
  onNotification: ((message: string) => void) | undefined;
  onResponse: ((id: number, message: string) => void) | undefined;
  dispatchProtocolMessage(message: string): void;
}

/** A debugger on the isolate. */
export interface DebugSession {
  dispatch(message: string): void;
  dispose(): void;
}

/** A session, and who it is lent to. */
interface Slot {
  readonly session: InspectorSession;
  onMessage: ((message: string) => void) | null;
  /** Answers to its reset that are still to come. */
  owed: number;
}

/**
 * Made before anything runs, as V8 takes a session in on this thread, beside whatever the isolate's does. Only who has
 * more debuggers than this at once gets one made later.
 */
const PREPARED = 4;
/** Takes back all that a debugger asked of V8; a guest that only it held goes on. */
const RESET = ['Debugger', 'Profiler', 'HeapProfiler', 'Runtime'].map((domain) => `${domain}.disable`);
/** Of the first message of a reset: beyond what any debugger counts up to. */
const RESET_ID = 2 ** 30;

/**
 * The inspector sessions of one isolate. None is ever disposed: isolated-vm frees at once what V8 writes the
 * messages of a session to, while the thread of the isolate may be about to write one, and the process dies of
 * that. So a session whose debugger has left is reset and lent to the next one.
 */
export class InspectorSessions {
  readonly #create: () => InspectorSession;
  readonly #slots: Slot[] = [];

  /** @param create makes a session on the isolate, in which nothing runs yet */
  constructor(create: () => InspectorSession) {
    this.#create = create;
    for (let made = 0; made < PREPARED; made++) this.#add();
  }

  /** @param onMessage is handed answers and notifications, JSON texts */
  open(onMessage: (message: string) => void): DebugSession {
    const slot = this.#slots.find((one) => one.onMessage === null && one.owed === 0) ?? this.#add();
    slot.onMessage = onMessage;
    return {
      dispatch: (message) => slot.session.dispatchProtocolMessage(message),
      dispose: () => {
        slot.onMessage = null;
        slot.owed = RESET.length;
        for (const [n, method] of RESET.entries()) {
          slot.session.dispatchProtocolMessage(JSON.stringify({ id: RESET_ID + n, method }));
        }
      },
    };
  }

  #add(): Slot {
    const slot: Slot = { session: this.#create(), onMessage: null, owed: 0 };
    slot.session.onNotification = (message) => slot.onMessage?.(message);
    slot.session.onResponse = (id, message) => {
      if (slot.onMessage !== null) slot.onMessage(message);
      else if (id >= RESET_ID) slot.owed -= 1;
    };
    this.#slots.push(slot);
    return slot;
  }
}
