import { DEFAULT_ENV, type RequestContext } from '../../manifests/protocol/frames.ts';
import type { StoredEvent } from '../ports.ts';

/** The context of an event, as it is stored with it: written by the host alone. */
export type EventContext = StoredEvent['context'];

/** What an event keeps of the request that led to it. */
export function eventContextOf(request: RequestContext): EventContext {
  const { tenantId, env, principal, traceId, surfaceId, appId, projectId } = request;
  return {
    tenant_id: tenantId,
    user_id: principal?.id ?? null,
    trace_id: traceId,
    env,
    ...(surfaceId === undefined ? {} : { surface_id: surfaceId }),
    ...(appId === undefined ? {} : { app_id: appId }),
    ...(projectId === undefined ? {} : { project_id: projectId }),
  };
}

/**
 * The context its handler acts in: the tenant of the event, in its trace. Who it came from is named, with no role:
 * what they may do was decided when they asked, and may have changed since. An event without a trace begins one.
 * @returns `null` for an event of no tenant
 */
export function requestOf({ context, event_id }: StoredEvent): RequestContext | null {
  const { tenant_id, user_id, trace_id, env, surface_id, app_id, project_id } = context;
  if (typeof tenant_id !== 'string') return null;
  return {
    tenantId: tenant_id,
    env: env ?? DEFAULT_ENV,
    principal: typeof user_id === 'string' ? { id: user_id, name: user_id, role: '' } : null,
    membership: null,
    ...(typeof surface_id === 'string' ? { surfaceId: surface_id } : {}),
    ...(typeof app_id === 'string' ? { appId: app_id } : {}),
    ...(typeof project_id === 'string' ? { projectId: project_id } : {}),
    mode: null,
    traceId: trace_id ?? event_id.replaceAll('-', ''),
  };
}
