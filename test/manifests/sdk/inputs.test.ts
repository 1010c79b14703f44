import { expect, it } from 'vitest';
import { createEvent, createInvocation, createJob, createRequest } from '#sdk/testing';

it('makes requests, events and jobs of what a test says, and nothing else', () => {
  expect(createRequest()).toEqual({
    method: 'GET',
    path: '/',
    params: {},
    query: {},
    headers: {},
    body: null,
  });
  expect(createRequest({ method: 'POST', params: { id: '1' } })).toMatchObject({
    method: 'POST',
    params: { id: '1' },
  });
  const event = createEvent('acme.hello.greeted', { name: 'Ada' }, { sequence: 7 });
  expect(event).toMatchObject({ event_type: 'acme.hello.greeted', data: { name: 'Ada' }, sequence: 7 });
  expect(createJob('digest', { day: 1 }, { attempt: 2 })).toMatchObject({
    name: 'digest',
    payload: { day: 1 },
    attempt: 2,
  });
  expect(createJob('digest').payload).toBeNull();
  const invocation = createInvocation('greet', { args: { name: 'Ada' } });
  expect(invocation).toEqual({ command: 'greet', args: { name: 'Ada' }, options: {}, stdin: null });
});
