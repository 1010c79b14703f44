/** A debugger that is connected to the cell of an extension. */
export interface DebugConnection {
  /** A command of the Chrome DevTools protocol, JSON text. */
  send(message: string): void;
  /** Lets a guest that it holds at a breakpoint go on. Idempotent. */
  close(): void;
}

export interface DebugEvents {
  /** An answer or a notification, JSON text. */
  readonly onMessage: (message: string) => void;
  /** The cell is gone. */
  readonly onClose: () => void;
}

/** The way to the inspector of V8 in the one cell of a debug sandbox that runs now. */
export interface Debugger {
  /** `null` while no cell runs. */
  connect(events: DebugEvents): DebugConnection | null;
}
