import { describeThrown } from './wire-error.ts';

type Sink = (message: string, fields: object) => void;

let sink: Sink = () => undefined;

/** Says where errors go that nobody can catch: those of timers, microtasks and listeners. */
export function reportTo(newSink: Sink): void {
  sink = newSink;
}

export function reportError(where: string, thrown: unknown): void {
  const { code, message, stack } = describeThrown(thrown);
  const fields = { __proto__: null, code, stack }; // no `toJSON` of the guest is asked
  sink(`uncaught error in a ${where}: ${message}`, fields);
}
