import type { FastifyRequest } from 'fastify';
import { type Asker, MAIN_DATABASE } from '../components/magds/ports.ts';
import { principalOf } from '../components/maggate/access-control.ts';
import { limit, object } from './schemas.ts';

/** Pieces that the routes below a project share. */

export const slug = { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{0,31}$' } as const;
export const databaseName = { type: 'string', pattern: '^[a-z][a-z0-9_]{0,31}$' } as const;
/** Which database of the project it is about. */
export const aboutDatabase = { ...databaseName, default: MAIN_DATABASE } as const;

export const projectParams = {
  type: 'object',
  required: ['project'],
  properties: { project: slug },
} as const;

export interface OfProject {
  Params: { project: string };
}

/** A page of a list, of one database where there is one for each. */
export const page = object({ after: { type: 'string', maxLength: 200 }, limit });
export const pageOfDatabase = object({
  after: { type: 'string', maxLength: 200 },
  limit,
  database: aboutDatabase,
});

export interface PageQuery {
  after?: string;
  limit: number;
}

export function askerOf(request: FastifyRequest): Asker {
  return { id: principalOf(request).id, request: request.callContext };
}
