import { describe, expect, it } from 'vitest';
import { createJobsAdapter, type JobQueue, type NewJob } from '../../../adapters/jobs/index.ts';
import { codeOf } from '../../../kernel/errors.ts';
import { callerOf, describeAdapterContract } from '../adapter-contract.ts';

describeAdapterContract({
  component: 'jobs',
  create: async () => ({ adapter: createJobsAdapter(), dispose: async () => {} }),
  event: {
    type: 'job.failed',
    data: { extension: 'acme/hello', job: 'digest', id: 'x', attempts: 5, code: 'E_EXTENSION' },
  },
});

describe('the adapter of jobs', () => {
  const queued: NewJob[] = [];
  const queue = {
    enqueue: async (job: NewJob) => {
      queued.push(job);
      return { id: 'an id', existing: false };
    },
  } as unknown as JobQueue;
  const caller = callerOf('acme/hello', { tenantId: 't_acme' });
  const jobs = [{ name: 'digest', maxAttempts: 7, concurrency: 4 }];
  const declaring = {
    ...caller,
    manifest: { ...caller.manifest, contributes: { ...caller.manifest.contributes, jobs } },
  };
  const enqueue = (params: object, by = declaring) => {
    const adapter = createJobsAdapter();
    adapter.serve(queue);
    return adapter.executeHook('enqueue', { caller: by, params: params as never });
  };

  it('hands on whose job it is from the channel, and what the manifest says of it', async () => {
    await enqueue({ job: 'digest', payload: { extension: 'globex/other', tenantId: 't_other' } });
    expect(queued.at(-1)).toMatchObject({
      extension: 'acme/hello',
      tenantId: 't_acme',
      maxAttempts: 7,
      runAt: null,
      context: caller.request,
    });
  });

  it('acts for another tenant when the control plane asks, as nobody there', async () => {
    const system = { ...declaring, request: callerOf('acme/hello', { tenantId: 't_system' }).request };
    for (const by of [system, { ...declaring, request: null }]) {
      await enqueue({ job: 'digest', tenant: 't_globex' }, by);
      expect(queued.at(-1)).toMatchObject({
        tenantId: 't_globex',
        context: {
          tenantId: 't_globex',
          principal: null,
          membership: null,
          traceId: expect.stringMatching(/.{8}/),
        },
      });
    }
    await enqueue({ job: 'digest', tenant: 't_acme' });
    expect(queued.at(-1)).toMatchObject({ tenantId: 't_acme', context: caller.request });
    expect(await enqueue({ job: 'digest', tenant: 't_globex' }).catch(codeOf)).toBe('E_PARAMS');
    expect(
      createJobsAdapter().demands('enqueue', { job: 'digest', tenant: 't_globex' }, 'acme/hello'),
    ).toEqual([{ capability: 'system.background_jobs' }, { capability: 'system.tenant_jobs' }]);
  });

  it('takes a time to come, or a delay', async () => {
    await enqueue({ job: 'digest', runAt: '2030-01-01T00:00:00Z' });
    expect(queued.at(-1)?.runAt).toEqual(new Date('2030-01-01T00:00:00Z'));
    const before = Date.now();
    await enqueue({ job: 'digest', delayMs: 60_000 });
    expect(queued.at(-1)?.runAt?.getTime()).toBeGreaterThanOrEqual(before + 60_000);
  });

  it.each([
    ['a job the manifest does not name', { job: 'other' }, 'E_NOT_FOUND'],
    ['a payload of more than 256 KiB', { job: 'digest', payload: 'x'.repeat(262_145) }, 'E_PARAMS'],
  ])('refuses %s', async (_what, params, code) => {
    expect(await enqueue(params).catch(codeOf)).toBe(code);
  });
});
