import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { MagError } from '../errors.ts';
import { announce } from './announce.ts';
import type { Parts } from './parts.ts';

/**
 * Ends an extension at once and keeps it off until an operator enables it (spec 03): its cell is killed, calls
 * in flight fail with the error, one audit record and the alert say why.
 */
export class Quarantine {
  readonly #parts: Parts;
  readonly #underway = new Map<ExtensionId, Promise<void>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Resolves when it is on record, or could not be written. While it is under way, further reasons are nothing new. */
  impose(id: ExtensionId, error: MagError): Promise<void> {
    const underway = this.#underway.get(id);
    if (underway !== undefined) return underway;
    const done = this.#impose(id, error)
      .catch((failure: unknown) => {
        const fields = { extension: id, code: error.code, err: failure };
        this.#parts.logger.error(fields, 'a quarantine was not recorded');
      })
      .finally(() => this.#underway.delete(id));
    this.#underway.set(id, done);
    return done;
  }

  /** Resolves when one that is under way, if any, is on record. */
  async settled(id: ExtensionId): Promise<void> {
    await this.#underway.get(id);
  }

  async #impose(id: ExtensionId, error: MagError): Promise<void> {
    const { stores, audit, alert } = this.#parts;
    await this.#parts.running.kill(id, error);
    const record = await stores.extensions.get(id);
    if (record === null || record.state === 'quarantined') return;
    const { version } = record;
    const reason = { code: error.code, detail: error.message };
    await stores.extensions.put({ ...record, state: 'quarantined', reason });
    alert({ extension: id, version, ...reason });
    await audit.record({
      principal: `extension:${id}`,
      tenant: 't_system',
      action: 'extension.quarantined',
      target: id,
      outcome: 'refused',
      detail: { ...reason, version, call: error.blame.call },
    });
    await announce(this.#parts, 'extension.error', { extension: id, version, ...reason });
    await announce(this.#parts, 'extension.quarantined', { extension: id, version, code: error.code });
  }
}
