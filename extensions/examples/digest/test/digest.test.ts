import { describe, expect, it } from 'vitest';
import { createRecordingContext } from '#sdk/testing';
import digest from '../src/index.ts';

const { endpoints, jobs } = digest;
const request = (members: object) => ({
  method: 'POST',
  path: '/',
  params: {},
  query: {},
  headers: {},
  body: null,
  ...members,
});
const job = (id: string) => ({
  id,
  name: 'digest',
  payload: null,
  attempt: 1,
  maxAttempts: 3,
  schedule: null,
});

describe('the digest', () => {
  it('puts notes together, takes them away, and shows the result', async () => {
    const ctx = createRecordingContext();
    for (const body of ['first', 'second'])
      expect((await endpoints['POST /notes'](request({ body }), ctx)).status).toBe(201);
    await jobs.digest(job('a'), ctx);
    const shown = await endpoints['GET /digests/:job'](request({ params: { job: 'a' } }), ctx);
    expect(String(shown.body).split('\n').sort()).toEqual(['- first', '- second']);
    await jobs.digest(job('b'), ctx);
    expect((await endpoints['GET /digests/:job'](request({ params: { job: 'b' } }), ctx)).body).toBe('');
  });

  it('is queued once at a time', async () => {
    const ctx = createRecordingContext();
    expect((await endpoints['POST /digests'](request({}), ctx)).status).toBe(202);
    expect(ctx.calls).toContainEqual({ name: 'jobs.enqueue', args: ['digest', null, { key: 'asked for' }] });
  });

  it('takes text, and knows of no job that is none', async () => {
    const ctx = createRecordingContext();
    for (const body of ['  ', 7, null])
      expect((await endpoints['POST /notes'](request({ body }), ctx)).status).toBe(400);
    expect((await endpoints['GET /digests/:job'](request({ params: { job: 'x' } }), ctx)).status).toBe(404);
  });
});
