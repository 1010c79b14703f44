import { randomUUID } from 'node:crypto';
import type { ComponentAdapter, ComponentEvent, HookContext, HookRegistrar } from '../../kernel/adapter.ts';
import { ALLOW, type Decision, type Demand } from '../../kernel/capability/gate.ts';
import { MagError } from '../../kernel/errors.ts';
import type { RegisterPoint } from '../../kernel/hooks/hook-point.ts';
import type { Caller } from '../../kernel/ports.ts';
import type { Json } from '../../manifests/json.ts';
import type { JobContribution } from '../../manifests/manifest/manifest.ts';
import { scheduleProblem } from '../../manifests/manifest/schedule-rules.ts';
import type { HostCalls } from '../../manifests/protocol/calls.ts';
import { DEFAULT_ENV, type RequestContext } from '../../manifests/protocol/frames.ts';
import type { JobOwner, JobQueue } from './ports.ts';

/** What belongs to no request belongs to the control plane. */
const CONTROL_PLANE = 't_system';
const MAX_PAYLOAD_CHARS = 262_144;

type JobCall = 'enqueue' | 'cancel' | 'status' | 'schedule' | 'unschedule';
type Params<Call extends JobCall> = HostCalls[`jobs.${Call}`]['params'];

/** What manifests declare of jobs, for the component. */
export interface JobsHooks {
  readonly jobs: RegisterPoint<'jobs'>;
  readonly schedules: RegisterPoint<'schedules'>;
}

export interface JobsAdapter extends ComponentAdapter {
  readonly component: 'jobs';
  /** @throws `E_INTERNAL` before `registerHooks` */
  hooks(): JobsHooks;
  /** Connects the component, before the first call. */
  serve(queue: JobQueue): void;
}

export function createJobsAdapter(): JobsAdapter {
  return new JobsOfExtensions();
}

class JobsOfExtensions implements JobsAdapter {
  readonly component = 'jobs';
  #kernel: HookRegistrar | null = null;
  #hooks: JobsHooks | null = null;
  #queue: JobQueue | null = null;
  readonly #calls: { readonly [Call in JobCall]: (caller: Caller, params: Params<Call>) => Promise<Json> } = {
    enqueue: (caller, params) => this.#enqueue(caller, params),
    cancel: async (caller, { id }) => ({ cancelled: await this.#component().cancel(ownerOf(caller), id) }),
    status: async (caller, { id }) =>
      (await this.#component().status(ownerOf(caller), id)) as unknown as Json,
    schedule: (caller, params) => this.#schedule(caller, params),
    unschedule: async (caller, { name }) => ({
      removed: await this.#component().unschedule(ownerOf(caller), name),
    }),
  };

  registerHooks(kernel: HookRegistrar): void {
    this.#hooks = {
      jobs: kernel.register('jobs', 'jobs.register_job'),
      schedules: kernel.register('jobs', 'jobs.register_schedule'),
    };
    this.#kernel = kernel;
  }

  hooks(): JobsHooks {
    return this.#hooks ?? unregistered();
  }

  serve(queue: JobQueue): void {
    this.#queue = queue;
  }

  demands(hook: string, params: Json): readonly Demand[] {
    const call = callOf(hook);
    if (call.endsWith('schedule')) return [{ capability: 'system.cron_schedule' }];
    const isFor = call === 'enqueue' && (params as Params<'enqueue'>).tenant !== undefined;
    return [
      { capability: 'system.background_jobs' },
      ...(isFor ? [{ capability: 'system.tenant_jobs' } as const] : []),
    ];
  }

  async executeHook(hook: string, { caller, params }: HookContext): Promise<Json> {
    const call = this.#calls[callOf(hook)] as (caller: Caller, params: Json) => Promise<Json>;
    return call(caller, params);
  }

  validateCapability(): Decision {
    return ALLOW;
  }

  async emitEvent(event: ComponentEvent): Promise<void> {
    await (this.#kernel ?? unregistered()).publish('jobs', event);
  }

  async #enqueue(caller: Caller, params: Params<'enqueue'>): Promise<Json> {
    const { job, payload = null, runAt, delayMs, priority = 0, key = null } = params;
    const declared = declaredOf(caller, job);
    const { tenantId, context } = actingFor(caller, params.tenant);
    const { id, existing } = await this.#component().enqueue({
      extension: caller.extension,
      tenantId,
      job,
      payload: bounded(payload),
      context,
      runAt: timeOf(runAt, delayMs),
      maxAttempts: params.maxAttempts ?? declared.maxAttempts,
      priority,
      key,
      schedule: null,
    });
    return { id, existing };
  }

  async #schedule(caller: Caller, params: Params<'schedule'>): Promise<Json> {
    const { name, cron, timezone = 'UTC', job, payload = null } = params;
    declaredOf(caller, job);
    const problem = scheduleProblem(cron, timezone);
    if (problem !== null) throw new MagError('E_PARAMS', `the schedule ${name} ${problem}`);
    const schedule = { ...ownerOf(caller), name, cron, timezone, job, payload: bounded(payload) };
    const { nextAt } = await this.#component().schedule(schedule);
    return { nextAt: nextAt.toISOString() };
  }

  #component(): JobQueue {
    return this.#queue ?? unregistered();
  }
}

function ownerOf({ extension, request }: Caller): JobOwner {
  return { extension, tenantId: request?.tenantId ?? CONTROL_PLANE };
}

/** For another tenant a job acts as nobody: who asked for it is a principal of the control plane. */
function actingFor(
  caller: Caller,
  tenant: string | undefined,
): { tenantId: string; context: RequestContext | null } {
  const { tenantId } = ownerOf(caller);
  if (tenant === undefined || tenant === tenantId) return { tenantId, context: caller.request };
  if (tenantId !== CONTROL_PLANE)
    throw new MagError('E_PARAMS', 'Only work of the control plane queues jobs for other tenants.');
  const { env = DEFAULT_ENV, traceId = randomUUID().replaceAll('-', '') } = caller.request ?? {};
  const context = { tenantId: tenant, env, principal: null, membership: null, mode: null, traceId };
  return { tenantId: tenant, context };
}

function declaredOf({ manifest }: Caller, name: string): JobContribution {
  const declared = manifest.contributes.jobs.find((job) => job.name === name);
  if (declared !== undefined) return declared;
  throw new MagError('E_NOT_FOUND', `the manifest of ${manifest.id} names no job ${name}`);
}

function bounded(payload: Json): Json {
  if (JSON.stringify(payload).length <= MAX_PAYLOAD_CHARS) return payload;
  throw new MagError('E_PARAMS', 'the payload of a job is at most 256 KiB');
}

function timeOf(runAt: string | undefined, delayMs: number | undefined): Date | null {
  if (runAt !== undefined) return new Date(runAt);
  return delayMs === undefined ? null : new Date(Date.now() + delayMs);
}

function callOf(hook: string): JobCall {
  const known: readonly string[] = ['enqueue', 'cancel', 'status', 'schedule', 'unschedule'];
  if (known.includes(hook)) return hook as JobCall;
  throw new MagError('E_NOT_FOUND', `There is no host call jobs.${JSON.stringify(hook.slice(0, 80))}.`);
}

function unregistered(): never {
  throw new MagError('E_INTERNAL', 'The adapter of jobs is used before it was registered.');
}
