import type { NewJob } from '../../../adapters/jobs/index.ts';
import { messageOf } from '../../../kernel/errors.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { nextTime } from '../../../manifests/manifest/schedule-rules.ts';
import type { DueSchedule } from '../../storage/schedule-store.ts';
import type { Declared } from './declared.ts';
import type { JobParts } from './ports.ts';

const CONTROL_PLANE = 't_system';

/** Queues jobs at the times of schedules: each time once, whichever host sees it first. */
export class Schedules {
  readonly #parts: JobParts;
  readonly #declared: Declared;
  #declaring: Promise<void> = Promise.resolve();

  constructor(parts: JobParts, declared: Declared) {
    this.#parts = parts;
    this.#declared = declared;
    parts.hooks.jobs.onChange(() => this.#declare());
    parts.hooks.schedules.onChange(() => this.#declare());
    this.#declare();
  }

  /** Queues what is due of the extensions that run here and may. Times that went by meanwhile count once. */
  async fire(): Promise<void> {
    await this.#declaring;
    const may = this.#declared
      .extensions()
      .filter((id) => this.#parts.guests.holds(id, 'system.cron_schedule'));
    if (may.length > 0) await this.#parts.schedules.fire(may, (schedule) => this.#next(schedule));
  }

  #next(schedule: DueSchedule): { job: NewJob; nextAt: Date | null } {
    const { extension, tenantId, name, job, payload, cron, timezone, nextAt } = schedule;
    const queued: NewJob = {
      extension,
      tenantId,
      job,
      payload,
      context: null,
      runAt: null,
      maxAttempts: this.#declared.maxAttempts(extension, job),
      priority: 0,
      key: `schedule ${name} ${nextAt.toISOString()}`,
      schedule: name,
    };
    return { job: queued, nextAt: nextTime(cron, timezone, new Date()) };
  }

  /** The manifests of what runs here say which schedules there are; those of what is off keep their next time. */
  #declare(): void {
    const byExtension = new Map<ExtensionId, DueSchedule[]>();
    for (const extension of this.#declared.extensions()) byExtension.set(extension, []);
    for (const { extension, value } of this.#parts.hooks.schedules.list()) {
      const { name, cron, timezone, job = name, payload = null } = value;
      const nextAt = nextTime(cron, timezone, new Date());
      if (nextAt === null) continue;
      const schedule = { extension, tenantId: CONTROL_PLANE, name, job, cron, timezone, payload, nextAt };
      byExtension.set(extension, [...(byExtension.get(extension) ?? []), schedule]);
    }
    this.#declaring = this.#declaring.then(() => this.#write(byExtension));
  }

  async #write(byExtension: ReadonlyMap<ExtensionId, readonly DueSchedule[]>): Promise<void> {
    for (const [extension, schedules] of byExtension) {
      await this.#parts.schedules.declare(extension, schedules).catch((failure: unknown) => {
        this.#parts.logger.error({ extension, reason: messageOf(failure) }, 'schedules could not be written');
      });
    }
  }
}
