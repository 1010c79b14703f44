/** A store that an operator connected. It holds no password. */
export interface StoreRecord {
  readonly name: string;
  readonly kind: 'redis';
  /** `redis://host:6379/0`, `rediss:` with TLS. */
  readonly url: string;
  readonly username: string | null;
  /** The shared secret that is the password. */
  readonly passwordSecret: string | null;
  /** Keys in it begin with this. */
  readonly prefix: string;
}

/** Where the records are. */
export interface StoreDirectory {
  list(): Promise<StoreRecord[]>;
  find(name: string): Promise<StoreRecord | null>;
}

/** The store every host has, in its own database. */
export const BUILT_IN_STORE = 'postgres';

/** What is wrong with the address of a store, as the end of a sentence; `null` if nothing is. */
export function storeUrlProblem(text: string): string | null {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'redis:' && url.protocol !== 'rediss:'))
    return 'is no redis: or rediss: address';
  if (url.username !== '' || url.password !== '')
    return 'has credentials in it: name the user with username, and the secret that is the password with passwordSecret';
  if (url.hostname === '') return 'names no host';
  if (url.search !== '' || url.hash !== '') return 'has a query or fragment';
  return /^(\/\d{0,4})?$/.test(url.pathname)
    ? null
    : 'has something other than the number of a database as its path';
}
