export {
  checkedBound,
  checkedKey,
  checkedPage,
  checkedWrite,
  encodeState,
  MAX_STATE_PAGE,
  STATE_QUOTA,
  type StateQuota,
  type Written,
} from './state-content.ts';
export type { StoreDriver, StoreReport } from './store-driver.ts';
export { BUILT_IN_STORE, type StoreDirectory, type StoreRecord, storeUrlProblem } from './store-record.ts';
export { createStoresAdapter, type StoresAdapter } from './stores-adapter.ts';
