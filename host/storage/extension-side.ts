import {
  checkedBound,
  checkedKey,
  checkedPage,
  checkedWrite,
  encodeState,
  MAX_STATE_PAGE,
  type Written,
} from '../../adapters/stores/index.ts';
import type { StateEntry, Transaction, TransactionState } from '../../kernel/ports.ts';
import { MAX_PAYLOAD_BYTES } from '../../manifests/protocol/limits.ts';
import type { Querier } from './database.ts';
import { refuseContent } from './database-errors.ts';
import { type EventEngine, placeName } from './event-engine.ts';

/** Versions are `bigint`: on a connection of an extension they come as text. */
type Raw<Row> = Omit<Row, 'version' | 'current'> & { version: string | number };

/** State as inside the transaction of the connection. `space.extension` is not asked: the role says who it is. */
function ownState(own: Querier): TransactionState {
  const put: (...values: unknown[]) => Promise<Written> = async (...values) => {
    const [row] = await own
      .query<Written>('SELECT outcome, current::float8 FROM mag_ext.put_state($1, $2, $3, $4)', values)
      .catch(refuseContent);
    return checkedWrite(row);
  };
  return {
    async get({ tenantId }, key) {
      const [row] = await own.query<Raw<StateEntry>>('SELECT * FROM mag_ext.get_state($1, $2)', [
        tenantId,
        checkedKey(key),
      ]);
      return row === undefined ? null : { ...row, version: Number(row.version) };
    },
    async set({ tenantId }, key, value) {
      const { text } = encodeState(checkedKey(key), value);
      return { version: (await put(tenantId, key, text, null)).current };
    },
    async compareAndSet({ tenantId }, key, value, version) {
      const { text } = encodeState(checkedKey(key), value);
      const { outcome, current } = await put(tenantId, key, text, version);
      return { swapped: outcome === 'written', version: current };
    },
    async delete({ tenantId }, key) {
      const [row] = await own.query<{ deleted: boolean }>('SELECT mag_ext.delete_state($1, $2) AS deleted', [
        tenantId,
        checkedKey(key),
      ]);
      return row?.deleted === true;
    },
    async list({ tenantId }, { prefix, after, limit }) {
      const rows = await own.query<Raw<StateEntry> & { fits: boolean }>(
        'SELECT * FROM mag_ext.list_state($1, $2, $3, $4, $5)',
        [
          tenantId,
          checkedBound(prefix),
          checkedBound(after),
          Math.min(Math.max(limit, 1), MAX_STATE_PAGE),
          MAX_PAYLOAD_BYTES,
        ],
      );
      return checkedPage(rows).map(({ key, value, version }) => ({ key, value, version: Number(version) }));
    },
  };
}

/** Puts a finished envelope into the outbox. */
async function publishOwn(own: Querier, event: Parameters<Transaction['publish']>[0]): Promise<void> {
  await own.query('SELECT mag_ext.publish($1)', [JSON.stringify(event)]);
}

/** Moves the place of an own subscription behind an event. False: it is there already. */
async function takeOwn(own: Querier, place: Parameters<Transaction['take']>[0]): Promise<boolean> {
  const { type, component, sequence } = place;
  const [row] = await own.query<{ taken: boolean }>('SELECT mag_ext.take_event($1, $2, $3) AS taken', [
    type,
    component,
    sequence,
  ]);
  return row?.taken === true;
}

/**
 * What an extension does in the schema of the host on a connection of its own, by the functions of `mag_ext`.
 * @param log whose events the places are in; `null` log id: the one in the database
 */
export function createExtensionSide(log: Pick<EventEngine, 'logId'>) {
  const take = (own: Querier, place: Parameters<Transaction['take']>[0]) =>
    takeOwn(own, { ...place, component: placeName(place.component, log) });
  return { state: ownState, publish: publishOwn, take } as const;
}
