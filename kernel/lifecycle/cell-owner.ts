import type { Json, JsonObject } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { HostCalls } from '../host-calls.ts';
import type { Clock, LogStore } from '../ports.ts';
import type { CellOwner } from '../sandbox/cell.ts';
import { createStackMap } from '../sandbox/stack-map.ts';
import type { LoadedPackage } from '../trust/verify.ts';

export interface CellOwnerOptions {
  readonly calls: HostCalls;
  readonly logs: LogStore;
  readonly clock: Clock;
  readonly cleanerFor: (id: ExtensionId) => ((text: string) => string) | null;
}

/**
 * Whom a cell of an extension speaks to: what it calls, says and logs is that of the package it was made for. Its log
 * names the lines the author wrote, by the source map in that.
 */
export function cellOwner(
  { manifest, files }: LoadedPackage,
  { calls, logs, clock, cleanerFor }: CellOwnerOptions,
): CellOwner {
  const { id, entry } = manifest;
  const map = createStackMap(`${id}/index.js`, entry, files.get(`${entry}.map`));
  return {
    hostCall: (name, params, origin) => calls.dispatch(manifest, name, params, origin),
    clean: (text) => cleanerFor(id)?.(text) ?? text,
    log: (level, message, fields, request) =>
      logs.write({
        at: clock.now(),
        extension: id,
        level,
        message: map(message),
        // JSON text; what a position becomes has no character that JSON would escape.
        fields: parseFields(map(fields)),
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
