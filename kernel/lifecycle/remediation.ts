import semver from 'semver';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { codeOf, type MagError, messageOf } from '../errors.ts';
import type { ExtensionRecord, KeptVersion } from '../ports.ts';
import type { ExtensionProcess } from '../sandbox/cell.ts';
import { alertOf } from './announce.ts';
import { HOST, type Lifecycle } from './lifecycle.ts';
import type { Operations } from './operations.ts';
import type { Parts } from './parts.ts';

/** Longer than stopping an extension takes, and than switching its version. */
const DISABLE_MS = 60_000;
const SWITCH_MS = 120_000;
/** How long a new version is on probation. */
const PROBATION_MS = 5 * 60_000;
const NO_WAY_BACK = '; the version before could not be brought back';

export interface RemediationOptions {
  readonly parts: Parts;
  readonly operations: Operations;
  readonly lifecycle: Lifecycle;
}

/**
 * Sees to an extension that is not well (spec 06, run and upgrade): in the first minutes of a new version the
 * old one comes back, else it is disabled, or quarantined where something fails closed without it. Others may
 * need it: they see it fail, as they would have anyway. One alert tells of it.
 */
export class Remediation {
  readonly #parts: Parts;
  readonly #operations: Operations;
  readonly #lifecycle: Lifecycle;
  /** What is being seen to; settles, and never rejects. */
  readonly #underway = new Map<ExtensionId, Promise<void>>();

  constructor({ parts, operations, lifecycle }: RemediationOptions) {
    this.#parts = parts;
    this.#operations = operations;
    this.#lifecycle = lifecycle;
  }

  /** For one that fails its checks or breaks its budgets. While it is being seen to, further reasons are nothing new. */
  async handleUnwell(id: ExtensionId, error: MagError): Promise<void> {
    if (this.#underway.has(id)) return;
    await this.#seeTo(id, async () => {
      const record = await this.#parts.registry.record(id);
      if (record.state !== 'enabled') return;
      const outcome = await this.#goBack(record, error);
      if (outcome === 'back') return;
      // Without it things would be open that it keeps closed: that is for an operator to decide.
      if (this.#parts.hooks.isNeeded(id)) return this.#parts.quarantine(id, error);
      await this.#disable(record, error, outcome === 'failed' ? NO_WAY_BACK : '');
    });
  }

  /** For one whose cell keeps dying, which is quarantined where no version before it comes back. Never throws. */
  async handleGivenUp(id: ExtensionId, error: MagError, process: ExtensionProcess): Promise<void> {
    await this.#underway.get(id);
    const done = this.#seeTo(id, async () => {
      const record = await this.#parts.stores.extensions.get(id);
      const isEnabled = record?.state === 'enabled';
      // What is tried beside what serves, or was replaced by it, is not what the extension is judged by.
      if (isEnabled && this.#parts.running.get(id)?.process !== process) return;
      const outcome = isEnabled ? await this.#goBack(record, error).catch(() => 'failed') : 'none';
      if (outcome !== 'back') await this.#parts.quarantine(id, error);
    });
    await done.catch((failure: unknown) => {
      const fields = { extension: id, code: error.code, reason: messageOf(failure) };
      this.#parts.logger.error(fields, 'an extension could not be looked after');
    });
  }

  async #seeTo(id: ExtensionId, work: () => Promise<void>): Promise<void> {
    const done = work();
    const settled = done.catch(() => undefined).finally(() => this.#underway.delete(id));
    this.#underway.set(id, settled);
    await done;
  }

  /**
   * Brings the version before back while this one is on probation.
   * @throws `E_STATE` while somebody else moves it
   */
  async #goBack(record: ExtensionRecord, error: MagError): Promise<'none' | 'back' | 'failed'> {
    const { stores, clock, logger } = this.#parts;
    const { id, version } = record;
    const [replaced] = await stores.extensions.kept(id);
    if (replaced === undefined || !isOnProbation(record, replaced, clock.now())) return 'none';
    try {
      // What its migrations added stays where it cannot be reversed: the old version works beside it.
      const back = await this.#lifecycle.begin(
        { kind: 'rollback', id, version: replaced.version, force: true },
        HOST,
      );
      await alertOf(this.#parts, record, { code: error.code, detail: error.message });
      const { state } = await this.#operations.get(back, SWITCH_MS);
      if (state !== 'succeeded') return 'failed';
      await stores.extensions.forget(id, version); // nobody is to come back to this one by chance
      return 'back';
    } catch (failure) {
      if (codeOf(failure) === 'E_STATE') throw failure;
      logger.error({ extension: id, err: failure }, 'the version before could not be brought back');
      return 'failed';
    }
  }

  async #disable(record: ExtensionRecord, { code, message }: MagError, remark: string): Promise<void> {
    const reason = { code, detail: `${message}${remark}` };
    const operation = await this.#lifecycle.disableUnwell(record, reason);
    await alertOf(this.#parts, record, reason);
    await this.#operations.get(operation, DISABLE_MS);
  }
}

/** Whether a version is so new that the one before it is the better one to run. */
function isOnProbation(record: ExtensionRecord, replaced: KeptVersion, now: Date): boolean {
  const isNew = now.getTime() - replaced.replacedAt.getTime() < PROBATION_MS;
  return isNew && semver.gt(record.version, replaced.version);
}
