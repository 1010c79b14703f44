import type { LogStore } from '../kernel/ports.ts';
import type { Json, JsonObject } from '../manifests/json.ts';
import type { ExtensionId } from '../manifests/manifest/manifest.ts';

/** Takes out of a text what must not be in a log. */
export type Clean = (text: string) => string;

/**
 * A log without what extensions must not write into it, in messages as in fields, whoever writes the line.
 * @param cleanerFor `null`: there is nothing to look for
 */
export function redactedLogs(logs: LogStore, cleanerFor: (extension: ExtensionId) => Clean | null): LogStore {
  return {
    write: (line) => {
      const clean = cleanerFor(line.extension);
      if (clean === null) return logs.write(line);
      logs.write({ ...line, message: clean(line.message), fields: cleanObject(line.fields, clean) });
    },
    read: (extension, options) => logs.read(extension, options),
    flush: () => logs.flush(),
  };
}

function cleanObject(fields: JsonObject, clean: Clean): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value = null]) => [clean(key), cleanValue(value, clean)]),
  );
}

function cleanValue(value: Json, clean: Clean): Json {
  if (typeof value === 'string') return clean(value);
  if (value === null || typeof value !== 'object') return value;
  return Array.isArray(value) ? value.map((item) => cleanValue(item, clean)) : cleanObject(value, clean);
}
