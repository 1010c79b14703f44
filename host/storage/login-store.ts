import { MagError } from '../../kernel/errors.ts';
import type { Json } from '../../manifests/json.ts';
import type { LoginRecord, LoginStore } from '../components/magauth/ports.ts';
import { digestOf } from './credential-secret.ts';
import type { Database } from './database.ts';

/** What is asked with a state is shown nobody who reads the database: a digest finds it. */
const keyOf = (state: string) => digestOf(state).toString('hex');

export function createLoginStore(database: Database): LoginStore {
  async function whyNot(state: string, isUsed: string): Promise<MagError> {
    const [known] = await database.query<{ used: boolean }>(
      `SELECT ${isUsed} AS used FROM mag.logins WHERE id = $1 AND expires_at > now()`,
      [keyOf(state)],
    );
    if (known?.used === true) return new MagError('E_LOGIN_REPLAYED', 'This answer was used before.');
    return new MagError(
      'E_LOGIN_STATE',
      'This login was not begun in this browser, or is over; begin it again.',
    );
  }

  return {
    async begin(state, { provider, data, browser, maxMs }) {
      await database.query(
        `INSERT INTO mag.logins (id, provider, browser_sha256, data, expires_at)
         VALUES ($1, $2, $3, $4, now() + $5::bigint * interval '1 millisecond')`,
        [keyOf(state), provider, digestOf(browser), JSON.stringify(data), maxMs],
      );
    },

    async consume(state, { provider, browser }) {
      const [login] = await database.query<{ data: Json }>(
        `UPDATE mag.logins SET consumed_at = now()
         WHERE id = $1 AND provider = $2 AND consumed_at IS NULL AND expires_at > now()
           AND ($3::bytea IS NULL OR browser_sha256 = $3)
         RETURNING data`,
        [keyOf(state), provider, browser === null ? null : digestOf(browser)],
      );
      if (login === undefined) throw await whyNot(state, 'consumed_at IS NOT NULL');
      return login.data;
    },

    async answer(state, answer) {
      await database.query('UPDATE mag.logins SET answer = $2 WHERE id = $1', [
        keyOf(state),
        JSON.stringify(answer),
      ]);
    },

    async collect(state, { browser }) {
      const [login] = await database.query<LoginRecord>(
        `UPDATE mag.logins l SET answer = NULL FROM mag.logins was
         WHERE l.id = $1 AND was.id = l.id AND l.answer IS NOT NULL AND l.expires_at > now()
           AND l.browser_sha256 = $2
         RETURNING l.provider, was.answer AS data`,
        [keyOf(state), digestOf(browser)],
      );
      if (login === undefined) throw await whyNot(state, 'consumed_at IS NOT NULL AND answer IS NULL');
      return login;
    },

    async useAssertion(provider, id, expiresAt) {
      const used = await database.query(
        `INSERT INTO mag.used_assertions (provider, assertion_id, expires_at) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING RETURNING 1`,
        [provider, id, expiresAt.toISOString()],
      );
      return used.length > 0;
    },

    async attempt(key, windowMs) {
      const [row] = await database.query<{ count: number; seconds: number }>(
        `INSERT INTO mag.login_attempts AS a (key, count, ends_at)
         VALUES ($1, 1, now() + $2::bigint * interval '1 millisecond')
         ON CONFLICT (key) DO UPDATE SET
           count = CASE WHEN a.ends_at <= now() THEN 1 ELSE a.count + 1 END,
           ends_at = CASE WHEN a.ends_at <= now() THEN excluded.ends_at ELSE a.ends_at END
         RETURNING count, ceil(extract(epoch FROM ends_at - now()))::int AS seconds`,
        [digestOf(key).toString('hex'), windowMs],
      );
      return row ?? { count: 1, seconds: 0 };
    },

    async succeeded(key, { all }) {
      await database.query(
        all
          ? 'DELETE FROM mag.login_attempts WHERE key = $1'
          : 'UPDATE mag.login_attempts SET count = greatest(count - 1, 0) WHERE key = $1',
        [digestOf(key).toString('hex')],
      );
    },

    async dropExpired() {
      await database.query('DELETE FROM mag.logins WHERE expires_at < now()');
      await database.query('DELETE FROM mag.used_assertions WHERE expires_at < now()');
      await database.query('DELETE FROM mag.login_attempts WHERE ends_at < now()');
      await database.query("DELETE FROM mag.sessions WHERE expires_at < now() - interval '7 days'");
    },
  };
}
