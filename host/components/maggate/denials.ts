import type { ComponentEvent } from '../../../kernel/adapter.ts';
import { messageOf } from '../../../kernel/errors.ts';
import type { Audit } from '../../../kernel/operator.ts';
import type { Logger } from '../../../kernel/ports.ts';
import type { Code } from '../../../manifests/catalog/index.ts';

/** Repeats of one refusal within this time become one record with a count: a flood must not fill the log. */
const WINDOW_MS = 10_000;
/** Different refusals counted at once; more than these are recorded one by one. */
const MAX_WINDOWS = 1_000;

export interface Refusal {
  /** `token:<id>`, or `anonymous`. */
  readonly principal: string;
  readonly tenant: string;
  /** What was refused: `POST /v1/tokens`. A pattern, never text of the client. */
  readonly target: string;
  readonly code: Code;
  /** The extension that was against it. */
  readonly by?: string;
}

/** Puts authorization refusals on record as `auth.denied`. */
export interface DenialLog {
  /** The first refusal of its kind is durable when this resolves; it never rejects. */
  record(refusal: Refusal): Promise<void>;
  /** Writes what was counted, and stops. */
  close(): Promise<void>;
}

/** @param emit tells the bus of each record */
export function createDenialLog(
  audit: Audit,
  logger: Logger,
  emit: (event: ComponentEvent) => Promise<void>,
): DenialLog {
  const windows = new Map<string, { refusal: Refusal; repeats: number; timer: NodeJS.Timeout }>();

  const tell = ({ principal, target, tenant }: Refusal) =>
    emit({
      type: 'auth.permission.denied',
      data: { principal, action: target },
      context: { tenant_id: tenant },
    }).catch((error: unknown) => logger.warn({ err: error }, 'a refusal could not be told'));

  // A refusal stays a refusal when the audit cannot be written: the log then is where it is found.
  const write = (refusal: Refusal, count: number): Promise<void> => {
    void tell(refusal);
    return audit
      .record({
        principal: refusal.principal,
        tenant: refusal.tenant,
        action: 'auth.denied',
        target: refusal.target,
        outcome: 'refused',
        detail: { code: refusal.code, count, ...(refusal.by === undefined ? {} : { by: refusal.by }) },
      })
      .catch((error: unknown) => logger.error({ err: error, ...refusal, count }, messageOf(error)));
  };

  async function end(key: string): Promise<void> {
    const window = windows.get(key);
    if (window === undefined) return;
    clearTimeout(window.timer);
    windows.delete(key);
    if (window.repeats > 0) await write(window.refusal, window.repeats);
  }

  return {
    async record(refusal) {
      const key = `${refusal.principal} ${refusal.code} ${refusal.target} ${refusal.by}`;
      const window = windows.get(key);
      if (window !== undefined) {
        window.repeats++;
        return;
      }
      if (windows.size < MAX_WINDOWS) {
        const timer = setTimeout(() => void end(key), WINDOW_MS).unref();
        windows.set(key, { refusal, repeats: 0, timer });
      }
      await write(refusal, 1);
    },
    async close() {
      await Promise.all([...windows.keys()].map(end));
    },
  };
}
