import type { EndpointRequest } from '#sdk';
import { isStorable } from './fields.ts';
import { Refusal } from './problems.ts';
import type { Resource } from './resources.ts';
import type { Page, Row } from './rows.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
const MAX_VALUE_CHARS = 200;
const ETAG = /^"([1-9][0-9]{0,8})"$/; // what Postgres takes as an integer

export function etagOf({ version }: Row): string {
  return `"${version}"`;
}

/** The version that `If-Match` names; `null`: any. @throws `PRECONDITION_REQUIRED`, `STALE` */
export function versionOf({ headers }: EndpointRequest): number | null {
  const given = headers['if-match'];
  if (given === undefined)
    throw new Refusal('PRECONDITION_REQUIRED', 'If-Match has to name the ETag that was read, or *.');
  if (given === '*') return null;
  const version = ETAG.exec(given)?.[1];
  if (version === undefined) throw new Refusal('STALE', 'If-Match names no ETag of this resource.');
  return Number(version);
}

/** `?limit=`, `?cursor=` and the filters of the resource. @throws `INVALID` */
export function pageOf({ query }: EndpointRequest, { filters }: Resource, tenant: string | null): Page {
  const found = new Map<string, string>();
  let [after, limit] = ['', DEFAULT_LIMIT];
  for (const [name, value] of Object.entries(query)) {
    if (typeof value !== 'string' || value.length > MAX_VALUE_CHARS || !isStorable(value))
      throw new Refusal(
        'INVALID',
        `${name.slice(0, 80)} is given more than once, or is no text of its kind.`,
      );
    if (name === 'cursor') after = value;
    else if (name === 'limit') limit = limitOf(value);
    else if (filters.includes(name)) found.set(name, value);
    else if (!['tenant_id', 'tenantId'].includes(name))
      // those the host has looked at
      throw new Refusal('INVALID', `Nothing is filtered by ${JSON.stringify(name.slice(0, 80))}.`);
  }
  return { tenant, filters: found, after, limit };
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new Refusal('INVALID', `limit is a whole number from 1 to ${MAX_LIMIT}.`);
  return limit;
}
