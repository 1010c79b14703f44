import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { loadPackage } from '../../kernel/trust/verify.ts';
import type { JsonObject } from '../../manifests/json.ts';
import type { FindSchema } from '../packaging/declared-types.ts';
import { objectIn, objectsIn } from './answer.ts';
import { readFileOrRefuse } from './read-file.ts';
import type { Session } from './session.ts';

/** Looks for the schemas of other extensions' events: in the packages named, then on the host, if one answers. */
export function findSchemas(session: Session, packages: readonly string[]): FindSchema {
  let known: Promise<ReadonlyMap<string, JsonObject>> | null = null;
  return async (type) => {
    known ??= readAll(session, packages);
    return (await known).get(type) ?? null;
  };
}

async function readAll(
  session: Session,
  packages: readonly string[],
): Promise<ReadonlyMap<string, JsonObject>> {
  const schemas = new Map<string, JsonObject>(packages.length === 0 ? await ofHost(session) : []);
  for (const file of packages) {
    const archive = await readFileOrRefuse(resolve(session.terminal.cwd, file), 'package');
    const digest = `sha256:${createHash('sha256').update(archive).digest('hex')}`;
    for (const [type, schema] of (await loadPackage(archive, digest)).eventSchemas) schemas.set(type, schema);
  }
  return schemas;
}

/** Authors work without a host too: one that does not answer has no schemas. */
async function ofHost(session: Session): Promise<[string, JsonObject][]> {
  const answer = await session
    .client()
    .get('/v1/event-types')
    .catch(() => ({}));
  return objectsIn(objectIn(answer).eventTypes).map((row) => [String(row.name), objectIn(row.data)]);
}
