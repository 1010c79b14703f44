import { resolve } from 'node:path';
import type { JsonObject } from '../../../manifests/json.ts';
import { readFileOrRefuse } from '../read-file.ts';
import type { Session } from '../session.ts';
import { UsageError } from '../usage-error.ts';

/** The configuration in a JSON file; `null` when none was named. @throws UsageError */
export async function readConfig(
  { terminal }: Session,
  file: string | undefined,
): Promise<JsonObject | null> {
  if (file === undefined) return null;
  const text = (await readFileOrRefuse(resolve(terminal.cwd, file), 'configuration')).toString();
  try {
    const config: unknown = JSON.parse(text);
    if (config !== null && typeof config === 'object' && !Array.isArray(config)) return config as JsonObject;
  } catch (cause) {
    throw new UsageError(`${file} is not JSON`, { cause });
  }
  throw new UsageError(`${file} holds no JSON object`);
}
