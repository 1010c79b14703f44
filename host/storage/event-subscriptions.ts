import type { DeadLetter, EventLog, Subscription } from '../../kernel/ports.ts';
import type { Database } from './database.ts';
import { storableText } from './storable-text.ts';

type Subscriptions = Pick<
  EventLog,
  'subscribe' | 'unsubscribe' | 'subscriptions' | 'advance' | 'deadLetter' | 'deadLetters'
>;

/** Who listens to what, how far each came, and what could not be delivered. */
export function createEventSubscriptions(database: Database): Subscriptions {
  return {
    async subscribe({ extension, type }) {
      await database.query(
        `WITH made AS (
           INSERT INTO mag.subscriptions (extension, type) VALUES ($1, $2)
           ON CONFLICT DO NOTHING RETURNING extension, type
         )
         INSERT INTO mag.subscription_cursors (extension, type, component, sequence)
         SELECT made.extension, made.type, head.component, head.sequence FROM made, mag.event_heads AS head`,
        [extension, type],
      );
    },

    async unsubscribe(extension) {
      await database.query('DELETE FROM mag.subscriptions WHERE extension = $1', [extension]);
    },

    async subscriptions() {
      const rows = await database.query<Omit<Subscription, 'cursors'> & { cursors: Record<string, number> }>(
        `SELECT s.extension, s.type,
           coalesce(json_object_agg(c.component, c.sequence) FILTER (WHERE c.component IS NOT NULL), '{}')
             AS cursors
         FROM mag.subscriptions AS s LEFT JOIN mag.subscription_cursors AS c USING (extension, type)
         GROUP BY s.extension, s.type ORDER BY s.extension, s.type`,
      );
      return rows.map((row) => ({ ...row, cursors: new Map(Object.entries(row.cursors)) }));
    },

    async advance({ extension, type }, component, sequence) {
      // Nothing happens to a subscription that is gone by now.
      await database.query(
        `INSERT INTO mag.subscription_cursors AS cursor (extension, type, component, sequence)
         SELECT extension, type, $3, $4 FROM mag.subscriptions WHERE extension = $1 AND type = $2
         ON CONFLICT (extension, type, component)
         DO UPDATE SET sequence = excluded.sequence WHERE cursor.sequence < excluded.sequence`,
        [extension, type, component, sequence],
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

    deadLetters(limit) {
      return database.query<DeadLetter>(
        `SELECT id::text, at, json_build_object('extension', extension, 'type', type) AS subscription, event,
           attempts, json_build_object('code', error_code, 'detail', error_detail) AS error
         FROM mag.dead_letters ORDER BY dead_letters.id DESC LIMIT $1`,
        [limit],
      );
    },
  };
}
