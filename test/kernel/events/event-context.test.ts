import { describe, expect, it } from 'vitest';
import { eventContextOf, requestOf } from '../../../kernel/events/event-context.ts';
import type { StoredEvent } from '../../../kernel/ports.ts';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';

const REQUEST: RequestContext = {
  tenantId: 't_acme',
  env: 'staging',
  principal: { id: 'token:1', name: 'Ada', role: 'owner' },
  membership: { tenantId: 't_acme', roles: ['owner'] },
  surfaceId: 'web',
  projectId: 'p_1',
  mode: 'sandbox',
  traceId: '0af7651916cd43dd8448eb211c80319c',
};

const eventIn = (context: StoredEvent['context']): StoredEvent => ({
  event_id: '019a9b1c-2d3e-7f40-8123-456789abcdef',
  event_type: 'acme.hello.said',
  schema_version: 1,
  timestamp: '2026-11-20T10:23:45.123Z',
  source: { component: 'extension', extension: 'acme/hello' },
  sequence: 1,
  data: null,
  context,
  capabilities_required: [],
});

describe('the context of an event', () => {
  it('is made of the request it was published in', () => {
    expect(eventContextOf(REQUEST)).toEqual({
      tenant_id: 't_acme',
      user_id: 'token:1',
      trace_id: REQUEST.traceId,
      env: 'staging',
      surface_id: 'web',
      project_id: 'p_1',
    });
  });

  it('leads back to the tenant and the trace, and to nobody with a role', () => {
    expect(requestOf(eventIn(eventContextOf(REQUEST)))).toEqual({
      ...REQUEST,
      principal: { id: 'token:1', name: 'token:1', role: '' },
      membership: null,
      mode: null,
    });
  });

  it('begins a trace where there was none', () => {
    expect(requestOf(eventIn({ tenant_id: 't_system' }))).toEqual({
      tenantId: 't_system',
      env: 'prod',
      principal: null,
      membership: null,
      mode: null,
      traceId: '019a9b1c2d3e7f408123456789abcdef',
    });
  });

  it.each([{}, { tenant_id: null }, { trace_id: 'x' }])('is none in %j', (context) => {
    expect(requestOf(eventIn(context as StoredEvent['context']))).toBeNull();
  });
});
