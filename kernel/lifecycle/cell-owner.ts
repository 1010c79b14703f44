import type { Json, JsonObject } from '../../manifests/json.ts';
import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import type { HostCalls } from '../host-calls.ts';
import type { Clock, LogStore } from '../ports.ts';
import type { CellOwner } from '../sandbox/cell.ts';

export interface CellOwnerOptions {
  readonly calls: HostCalls;
  readonly logs: LogStore;
  readonly clock: Clock;
  readonly cleanerFor?: ((id: ExtensionId) => ((text: string) => string) | null) | undefined;
}

/** Whom a cell of an extension speaks to: what it calls, says and logs is that of the manifest it was made for. */
export function cellOwner(
  manifest: Manifest,
  { calls, logs, clock, cleanerFor }: CellOwnerOptions,
): CellOwner {
  return {
    hostCall: (name, params, origin) => calls.dispatch(manifest, name, params, origin),
    clean: (text) => cleanerFor?.(manifest.id)?.(text) ?? text,
    log: (level, message, fields, request) =>
      logs.write({
        at: clock.now(),
        extension: manifest.id,
        level,
        message,
        fields: parseFields(fields),
        traceId: request?.traceId ?? null,
      }),
  };
}

/** Fields come from the guest: anything that is not a JSON object is kept as text. */
function parseFields(text: string): JsonObject {
  try {
    const value = JSON.parse(text) as Json;
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value;
    return value === null ? {} : { value };
  } catch {
    return { value: text };
  }
}
