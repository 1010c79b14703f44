import { randomUUID } from 'node:crypto';

/** A uuid v7: a time, in milliseconds since 1970, and the random end of a uuid v4, which Node makes from a pool. */
export function newEventId(time: number): string {
  const hex = time.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7${randomUUID().slice(15)}`;
}
