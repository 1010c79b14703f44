import { MagError } from '../../kernel/errors.ts';
import type { DeadLetter, EventLog, Replay, Subscription, SubscriptionKey } from '../../kernel/ports.ts';
import { storableText } from '../../manifests/storable-text.ts';
import type { Database, Prepared } from './database.ts';
import type { EventEngine } from './event-engine.ts';

type Subscriptions = Omit<EventLog, keyof EventEngine>;

/** Nothing happens to a subscription that is gone by now. */
const ADVANCE: Prepared = {
  name: 'mag advance subscription',
  text: `INSERT INTO mag.subscription_cursors AS cursor (extension, type, component, sequence)
    SELECT extension, type, $3, $4 FROM mag.subscriptions WHERE extension = $1 AND type = $2
    ON CONFLICT (extension, type, component)
    DO UPDATE SET sequence = excluded.sequence WHERE cursor.sequence < excluded.sequence`,
};
const REPLAY = 'id, subscription, sequence, until, created_at AS "createdAt"';

/**
 * Who listens to what, how far each came, and what could not be delivered.
 * @param log whose events they are: a subscription has a place of its own in each log there was
 */
export function createEventSubscriptions(
  database: Database,
  log: Pick<EventEngine, 'heads' | 'logId'>,
): Subscriptions {
  const suffix = log.logId === null ? '' : `@${log.logId}`;
  return {
    async subscribe({ extension, type }) {
      // Read before: what is appended meanwhile is above its place.
      const heads = [...(await log.heads())];
      await database.query(
        `WITH made AS (
           INSERT INTO mag.subscriptions (extension, type) VALUES ($1, $2)
           ON CONFLICT DO NOTHING RETURNING extension, type
         )
         INSERT INTO mag.subscription_cursors (extension, type, component, sequence)
         SELECT made.extension, made.type, head.component, head.sequence
         FROM made, unnest($3::text[], $4::bigint[]) AS head (component, sequence)`,
        [
          extension,
          type,
          heads.map(([component]) => component + suffix),
          heads.map(([, sequence]) => sequence),
        ],
      );
    },

    async unsubscribe(extension) {
      await database.query('DELETE FROM mag.subscriptions WHERE extension = $1', [extension]);
    },

    async subscriptions() {
      const rows = await database.query<Omit<Subscription, 'cursors'> & { cursors: Record<string, number> }>(
        `SELECT s.id, s.extension, s.type, s.host,
           coalesce(json_object_agg(c.component, c.sequence) FILTER (WHERE c.component IS NOT NULL), '{}')
             AS cursors
         FROM mag.subscriptions AS s LEFT JOIN mag.subscription_cursors AS c USING (extension, type)
         GROUP BY s.id, s.extension, s.type, s.host ORDER BY s.extension, s.type`,
      );
      return rows.map((row) => ({ ...row, cursors: placesIn(row.cursors, suffix) }));
    },

    async claim(extension) {
      const [row] = await database.query<{ mine: boolean }>(
        // The rows of an extension are claimed together: locked in one order, all or none.
        `WITH rows AS (
           SELECT type, host IS NULL OR host = $2
             OR NOT EXISTS (SELECT FROM mag.hosts AS h WHERE h.id = host AND h.fenced_at IS NULL) AS free
           FROM mag.subscriptions WHERE extension = $1 ORDER BY type FOR UPDATE
         ), taken AS (
           UPDATE mag.subscriptions AS s SET host = $2 FROM rows
           WHERE s.extension = $1 AND s.type = rows.type AND (SELECT bool_and(free) FROM rows)
         )
         SELECT coalesce(bool_and(free), false) AS mine FROM rows`,
        [extension, database.hostId],
      );
      return row?.mine === true;
    },

    async release(extension) {
      await database.query('UPDATE mag.subscriptions SET host = NULL WHERE extension = $1 AND host = $2', [
        extension,
        database.hostId,
      ]);
    },

    async advance({ extension, type }, component, sequence) {
      await database.query(ADVANCE, [extension, type, component + suffix, sequence]);
    },

    async replay(subscription, { after, until }) {
      const [made] = await database.query<Replay>(
        `INSERT INTO mag.replays (subscription, sequence, until, ended_at)
         VALUES ($1, $2::bigint, $3::bigint, CASE WHEN $2::bigint >= $3::bigint THEN now() END) RETURNING ${REPLAY}`,
        [subscription, after, until],
      );
      if (made === undefined) throw new MagError('E_STORAGE', 'the replay was not stored');
      return made;
    },

    openReplays() {
      return database.query<Replay>(
        `SELECT ${REPLAY} FROM mag.replays WHERE ended_at IS NULL ORDER BY created_at, id`,
      );
    },

    async advanceReplay(id, sequence) {
      await database.query(
        `UPDATE mag.replays SET sequence = $2::bigint, ended_at = CASE WHEN $2::bigint >= until THEN now() END
         WHERE id = $1 AND sequence < $2::bigint AND ended_at IS NULL`,
        [id, sequence],
      );
    },

    async deadLetter({ subscription, event, attempts, error }) {
      await database.query(
        `INSERT INTO mag.dead_letters (extension, type, event, attempts, error_code, error_detail)
         VALUES ($1, $2, $3, $4, $5, $6)`,
        [
          subscription.extension,
          subscription.type,
          JSON.stringify(event),
          attempts,
          error.code,
          storableText(error.detail),
        ],
      );
    },

    deadLetters({ id, extension, type, before, limit }) {
      return database.query<DeadLetter>(
        `SELECT id::text, at, json_build_object('extension', extension, 'type', type) AS subscription, event,
           attempts, json_build_object('code', error_code, 'detail', error_detail) AS error
         FROM mag.dead_letters
         WHERE ($1::bigint IS NULL OR id = $1) AND ($2::text IS NULL OR extension = $2)
           AND ($3::text IS NULL OR type = $3) AND ($4::bigint IS NULL OR id < $4)
         ORDER BY dead_letters.id DESC LIMIT $5`,
        [id ?? null, extension ?? null, type ?? null, before ?? null, limit],
      );
    },

    async removeDeadLetter(id) {
      const removed = await database.query('DELETE FROM mag.dead_letters WHERE id = $1 RETURNING 1', [id]);
      return removed.length > 0;
    },

    countDeadLetters() {
      return database.query<SubscriptionKey & { count: number }>(
        'SELECT extension, type, count(*) FROM mag.dead_letters GROUP BY extension, type',
      );
    },
  };
}

/** The places in one log, by component. */
function placesIn(cursors: Readonly<Record<string, number>>, suffix: string): Map<string, number> {
  const places = Object.entries(cursors).map(([name, sequence]) => {
    const at = name.includes('@') ? name.lastIndexOf('@') : name.length;
    return { component: name.slice(0, at), log: name.slice(at), sequence };
  });
  return new Map(
    places.filter(({ log }) => log === suffix).map(({ component, sequence }) => [component, sequence]),
  );
}
