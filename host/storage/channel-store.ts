import type { Room } from '../../adapters/magws/index.ts';
import type { Logger } from '../../kernel/ports.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { Presence } from '../../manifests/sdk/host-api.ts';
import type { Database } from './database.ts';
import { EventWake } from './event-wake.ts';

const CHANNEL = 'mag_realtime';
/** Kept of every room, however short its history, until all hosts have read them. */
const WINDOW = 1_000;
/** Every so many messages those that are too many are removed. */
const TRIM_EVERY = 64;
const MAX_MEMBERS = 1_000;

/** A message as it is kept. */
export interface KeptMessage {
  readonly sequence: number;
  readonly at: Date;
  /** JSON text. */
  readonly data: string;
}

/** One subscription of a connection. */
export interface Member {
  readonly subscription: string;
  /** `null`: nobody who is known. */
  readonly principal: { readonly id: string; readonly name: string } | null;
}

/** Somebody who was in a room with no other connection. */
export interface Departed {
  readonly room: Room;
  readonly principal: { readonly id: string; readonly name: string };
}

/** What is said in the rooms, and who is there, for all hosts. Every method may throw `E_STORAGE`. */
export interface ChannelStore {
  /** Keeps a message and tells all hosts. */
  append(room: Room, data: string, keep: number): Promise<KeptMessage>;
  /** Above a number, ascending. */
  after(room: Room, sequence: number, limit: number): Promise<KeptMessage[]>;
  /** Below a number, `null` the newest, ascending. */
  before(room: Room, sequence: number | null, limit: number): Promise<KeptMessage[]>;
  /** The number of the newest message; 0: there was none. */
  head(room: Room): Promise<number>;
  /** @returns whether it is the first connection of the principal there */
  join(room: Room, member: Member): Promise<boolean>;
  /** @returns whether it was the last connection of the principal there */
  leave(room: Room, member: Member): Promise<boolean>;
  presence(room: Room): Promise<Presence>;
  /** Removes who was connected to hosts that are gone, or to this one (`all`). */
  sweep(options: { readonly all: boolean }): Promise<Departed[]>;
  forget(extension: ExtensionId): Promise<void>;
  /** Messages are kept for 30 days at most. */
  dropExpired(): Promise<void>;
  /** Calls back when something was said in a room, or somebody came or left, here or on another host. A hint. */
  onChange(rooms: () => readonly Room[], listener: (change: 'said' | 'came', key: string) => void): void;
  close(): Promise<void>;
}

/** A room as one text, without spaces in its parts. */
export function keyOf({ extension, channel, tenantId }: Room): string {
  return `${tenantId} ${extension}/${channel}`;
}

/** What is told to other hosts: what happened, in which room. */
const SAID = 'm ';
const CAME = 'p ';
const said = (room: Room) => SAID + keyOf(room);
const came = (room: Room) => CAME + keyOf(room);

const OF_ROOM = 'extension = $1 AND channel = $2 AND tenant_id = $3';
const partsOf = ({ extension, channel, tenantId }: Room) => [extension, channel, tenantId];

export function createChannelStore(database: Database, logger: Logger): ChannelStore {
  let rooms: () => readonly Room[] = () => [];
  const wake = new EventWake(database, logger, () => headsOf(database, rooms()), CHANNEL);
  const messages = (text: string, values: unknown[]) =>
    database.query<KeptMessage>(`SELECT sequence, at, data FROM mag.channel_messages ${text}`, values);

  return {
    async append(room, data, keep) {
      const [message] = await database.query<KeptMessage>(
        `WITH head AS (
           INSERT INTO mag.channel_heads AS h (extension, channel, tenant_id, sequence) VALUES ($1, $2, $3, 1)
           ON CONFLICT (extension, channel, tenant_id) DO UPDATE SET sequence = h.sequence + 1 RETURNING sequence),
         trimmed AS (
           DELETE FROM mag.channel_messages WHERE ${OF_ROOM}
           AND sequence <= (SELECT sequence - $5 FROM head WHERE sequence % ${TRIM_EVERY} = 0))
         INSERT INTO mag.channel_messages (extension, channel, tenant_id, sequence, data)
         SELECT $1, $2, $3, sequence, $4 FROM head RETURNING sequence, at, data`,
        [...partsOf(room), data, Math.max(keep, WINDOW)],
      );
      wake.appended([said(room)]);
      return message as KeptMessage;
    },

    after: (room, sequence, limit) =>
      messages(`WHERE ${OF_ROOM} AND sequence > $4 ORDER BY sequence LIMIT $5`, [
        ...partsOf(room),
        sequence,
        limit,
      ]),

    async before(room, sequence, limit) {
      const text = `WHERE ${OF_ROOM} AND ($4::bigint IS NULL OR sequence < $4) ORDER BY sequence DESC LIMIT $5`;
      return (await messages(text, [...partsOf(room), sequence, limit])).reverse();
    },

    async head(room) {
      const [row] = await database.query<{ sequence: number }>(
        `SELECT sequence FROM mag.channel_heads WHERE ${OF_ROOM}`,
        partsOf(room),
      );
      return row?.sequence ?? 0;
    },

    async join(room, { subscription, principal }) {
      const [row] = await database.query<{ others: number }>(
        `WITH joined AS (
           INSERT INTO mag.channel_members (extension, channel, tenant_id, subscription, host_id, principal, name)
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING)
         SELECT count(*)::int AS others FROM mag.channel_members WHERE ${OF_ROOM} AND principal = $6`,
        [...partsOf(room), subscription, database.hostId, principal?.id ?? null, principal?.name ?? ''],
      );
      wake.appended([came(room)]);
      return principal !== null && row?.others === 0;
    },

    async leave(room, { subscription, principal }) {
      const [row] = await database.query<{ others: number }>(
        `WITH gone AS (DELETE FROM mag.channel_members WHERE ${OF_ROOM} AND subscription = $4 RETURNING 1)
         SELECT count(*)::int AS others FROM mag.channel_members
         WHERE ${OF_ROOM} AND principal = $5 AND subscription <> $4 AND EXISTS (SELECT FROM gone)`,
        [...partsOf(room), subscription, principal?.id ?? null],
      );
      wake.appended([came(room)]);
      return principal !== null && row?.others === 0;
    },

    presence: (room) => presence(database, room),

    async sweep({ all }) {
      const rows = await database.query<Departed['principal'] & Room>(
        `WITH gone AS (
           DELETE FROM mag.channel_members m WHERE (host_id = $1 AND $2)
             OR NOT EXISTS (SELECT FROM mag.hosts h WHERE h.id = host_id AND h.fenced_at IS NULL) RETURNING *)
         SELECT DISTINCT extension, channel, tenant_id AS "tenantId", principal AS id, name FROM gone g
         WHERE principal IS NOT NULL AND NOT EXISTS (
           SELECT FROM mag.channel_members o WHERE (o.extension, o.channel, o.tenant_id, o.principal)
             = (g.extension, g.channel, g.tenant_id, g.principal)
           AND NOT EXISTS (SELECT FROM gone WHERE gone.subscription = o.subscription))`,
        [database.hostId, all],
      );
      const departed = rows.map(({ id, name, ...room }) => ({ room, principal: { id, name } }));
      wake.appended([...new Set(departed.map(({ room }) => came(room)))]);
      return departed;
    },

    async forget(extension) {
      for (const table of ['channel_messages', 'channel_heads', 'channel_members'])
        await database.query(`DELETE FROM mag.${table} WHERE extension = $1`, [extension]);
    },

    async dropExpired() {
      await database.query("DELETE FROM mag.channel_messages WHERE at < now() - interval '30 days'");
    },

    onChange(current, listener) {
      rooms = current;
      wake.onAppend((names) => {
        for (const name of names) listener(name.startsWith(SAID) ? 'said' : 'came', name.slice(SAID.length));
      });
    },

    close: () => wake.close(),
  };
}

/** What was said is numbered. Who came is not: who leaves without a word is looked for (`sweep`), and that is told. */
async function headsOf(database: Database, rooms: readonly Room[]): Promise<Map<string, number>> {
  const heads = new Map<string, number>();
  for (const room of rooms) heads.set(said(room), 0).set(came(room), 0);
  if (rooms.length === 0) return heads;
  const rows = await database.query<Room & { sequence: number }>(
    `SELECT extension, channel, tenant_id AS "tenantId", sequence FROM mag.channel_heads
     WHERE (extension, channel, tenant_id) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))`,
    [0, 1, 2].map((part) => rooms.map((room) => partsOf(room)[part])),
  );
  for (const { sequence, ...room } of rows) heads.set(said(room), sequence);
  return heads;
}

async function presence(database: Database, room: Room): Promise<Presence> {
  const rows = await database.query<{ id: string | null; name: string; connections: number; since: Date }>(
    `SELECT principal AS id, min(name) AS name, count(*)::int AS connections, min(since) AS since
     FROM mag.channel_members WHERE ${OF_ROOM} GROUP BY principal ORDER BY min(since), principal`,
    partsOf(room),
  );
  const members = rows.flatMap(({ id, name, connections, since }) =>
    id === null ? [] : [{ id, name, connections, since: since.toISOString() }],
  );
  const anonymous = rows.find(({ id }) => id === null)?.connections ?? 0;
  return { members: members.slice(0, MAX_MEMBERS), total: members.length, anonymous };
}
