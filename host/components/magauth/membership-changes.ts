import { setTimeout as sleep } from 'node:timers/promises';
import { EXTENSION_COMPONENT } from '../../../kernel/events/event-types.ts';
import type { TransformPoint } from '../../../kernel/hooks/hook-point.ts';
import type { EventLog } from '../../../kernel/ports.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';

/** With more than so many new events nobody looks whose they are. */
const MAX_LOOKED_AT = 500;
/** Looks are this far apart: what was changed on this host needs none. */
const LOOK_EVERY_MS = 50;

export interface ChangeParts {
  readonly hook: TransformPoint;
  readonly events: Pick<EventLog, 'onAppend' | 'read' | 'heads'>;
  /** Hears of what an extension published on this host before the extension does. */
  readonly onPublished: (listener: (extension: ExtensionId) => void) => void;
  /** Hears of every extension that may do more or less than before. */
  readonly onGrants: (listener: (extension: ExtensionId) => void) => void;
  /** Answers from before hold no more. */
  readonly changed: () => void;
}

/**
 * Hears that an extension that says who is a member would say something else: it published an event, on any host. The
 * log holds the events of all extensions together, so it is asked whose they were.
 * @returns ends it
 */
export function followMembershipChanges(parts: ChangeParts): () => void {
  const { hook, events, onPublished, onGrants, changed } = parts;
  /** The number up to which it is known whose events they were; `null`: it is not. */
  let seen: number | null = null;
  let isWoken = false;
  let isLooking = false;

  const told = (extension: ExtensionId) => {
    if (hook.isTappedBy(extension)) changed();
  };
  onPublished(told);
  onGrants(told);

  async function lookAt(after: number | null): Promise<number> {
    const found = after === null ? [] : await events.read(EXTENSION_COMPONENT, after, MAX_LOOKED_AT);
    const isKnown = after !== null && found.length < MAX_LOOKED_AT;
    if (!isKnown || found.some(({ source }) => isTapping(source.extension, hook))) changed();
    if (isKnown) return found.at(-1)?.sequence ?? after;
    return (await events.heads()).get(EXTENSION_COMPONENT) ?? 0;
  }

  async function look(): Promise<void> {
    isLooking = true;
    while (isWoken) {
      isWoken = false;
      try {
        seen = await lookAt(seen);
      } catch {
        seen = null;
        changed(); // whose they were cannot be read: everybody's
      }
      await sleep(LOOK_EVERY_MS, undefined, { ref: false });
    }
    isLooking = false;
  }

  return events.onAppend((components) => {
    if (!components.includes(EXTENSION_COMPONENT)) return;
    if (!hook.isUsed()) {
      seen = null;
      return;
    }
    isWoken = true;
    if (!isLooking) void look();
  });
}

function isTapping(extension: string | null, hook: TransformPoint): boolean {
  return extension !== null && hook.isTappedBy(extension as ExtensionId);
}
