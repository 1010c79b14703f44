import type { VaultConnection } from './ports.ts';
import { MAX_SECRET_BYTES, type SecretValue } from './secret-backend.ts';
import type { SecretPlace } from './secret-place.ts';
import { askVault, objectIn, type VaultAnswer } from './vault-request.ts';

/** `<path>#<field>`: no segment of the path begins with a dot, and nothing in it is written as %2e. */
const SEGMENT = '[A-Za-z0-9_-][A-Za-z0-9._-]*';
const REF = new RegExp(`^(${SEGMENT}(?:/${SEGMENT})*)#([A-Za-z0-9._-]{1,100})$`);
const MAX_REF_CHARS = 400;
/** Of a read with everything it takes; less than `secrets.get` has. */
const DEADLINE_MS = 3_000;
/** A lease is used to this part: what is asked with it has to arrive before it ends. */
const LEASE_USED = 0.8;

export interface VaultParts {
  readonly connection: VaultConnection;
  /** What the host enters with, as it is now; `null`: it is missing. */
  readonly credential: () => Promise<string | null>;
  readonly deadlineMs?: number;
}

interface Lease {
  readonly token: string;
  /** The secret id it was given for. */
  readonly credential: string;
  /** Of `performance.now()`. */
  readonly endsAt: number;
}

/** A key-value engine of a Vault, or of what speaks its protocol (OpenBao): version 1 or 2, the newest value. */
export class VaultPlace implements SecretPlace {
  readonly #parts: VaultParts;
  #lease: Lease | null = null;

  constructor(parts: VaultParts) {
    this.#parts = parts;
  }

  refProblem(ref: string): string | null {
    return ref.length <= MAX_REF_CHARS && REF.test(ref) ? null : 'is no <path>#<field> of a Vault';
  }

  async readRef(ref: string): Promise<SecretValue> {
    const [, path = '', field = ''] = (ref.length <= MAX_REF_CHARS && REF.exec(ref)) || [];
    if (path === '') return unusable(`the reference ${this.refProblem(ref)}`);
    const signal = AbortSignal.timeout(this.#parts.deadlineMs ?? DEADLINE_MS);
    const answer = await this.#ask(path, signal);
    if ('failed' in answer) return unusable(`it ${answer.failed}`);
    if (answer.status === 404) return { state: 'missing' };
    if (answer.status !== 200) return unusable(`it answered ${answer.status}`);
    return this.#fieldOf(answer.body, field);
  }

  async #ask(path: string, signal: AbortSignal): Promise<VaultAnswer> {
    const { mount, kvVersion, roleId, url } = this.#parts.connection;
    const at = new URL(`/v1/${mount}/${kvVersion === 2 ? 'data/' : ''}${path}`, url);
    const read = (token: string) => askVault({ url: at, token, body: null, signal });
    const credential = await this.#parts.credential();
    if (credential === null) return { failed: 'cannot be entered: its secret is missing' };
    if (roleId === null) return read(credential);
    const isOld = this.#lease !== null;
    const entered = await this.#enter(credential, signal);
    if ('failed' in entered) return entered;
    const answer = await read(entered.token);
    if (!('status' in answer) || answer.status !== 403) return answer;
    this.#lease = null;
    if (!isOld) return answer;
    // The token may have been revoked before its time.
    const again = await this.#enter(credential, signal);
    return 'failed' in again ? again : read(again.token);
  }

  /** With an AppRole: a token for a while. */
  async #enter(credential: string, signal: AbortSignal): Promise<{ token: string } | { failed: string }> {
    const { roleId, url } = this.#parts.connection;
    const lease = this.#lease;
    if (lease !== null && lease.credential === credential && performance.now() < lease.endsAt) return lease;
    const answer = await askVault({
      url: new URL('/v1/auth/approle/login', url),
      token: null,
      body: { role_id: roleId, secret_id: credential },
      signal,
    });
    if ('failed' in answer) return answer;
    if (answer.status !== 200) return { failed: `answered ${answer.status} to its login` };
    const { client_token: token, lease_duration: seconds } = objectIn(answer.body?.auth) ?? {};
    if (typeof token !== 'string' || typeof seconds !== 'number')
      return { failed: 'answered its login with what is none' };
    this.#lease = { token, credential, endsAt: performance.now() + seconds * 1_000 * LEASE_USED };
    return { token };
  }

  #fieldOf(body: Readonly<Record<string, unknown>> | null, field: string): SecretValue {
    const data = objectIn(body?.data);
    const values = this.#parts.connection.kvVersion === 2 ? objectIn(data?.data) : data;
    if (values === null) return unusable('it answered with what is no secret');
    if (!Object.hasOwn(values, field)) return { state: 'missing' };
    const value = values[field];
    if (typeof value !== 'string' || value === '') return unusable('the field is no text, or empty');
    if (Buffer.byteLength(value) > MAX_SECRET_BYTES)
      return unusable('the field is larger than a secret may be');
    return { state: 'present', value };
  }
}

function unusable(why: string): SecretValue {
  return { state: 'unusable', why };
}
