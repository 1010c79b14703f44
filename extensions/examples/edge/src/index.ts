import { defineExtension, type EndpointRequest, type EndpointResponse } from '#sdk';
import { listCalls, recordCall } from './calls.ts';
import { refuseOverPlan } from './plans.ts';

export default defineExtension({
  endpoints: {
    'GET /fahrenheit/:celsius': (request) => convert(request, (degrees) => `${degrees} °F`),
    'v2 GET /fahrenheit/:celsius': (request) => convert(request, (degrees) => ({ degrees, unit: 'F' })),
    'GET /calls': async (_request, ctx) => ({ body: { calls: await listCalls(ctx) } }),
  },
  hooks: {
    'maggate.rate_limit_strategy': (request, ctx) => refuseOverPlan(request, ctx, Date.now()),
    // Here and not at the client, so that it is there whatever a client sends.
    'maggate.wrap_request': (request, ctx) => ({
      ...request,
      headers: { ...request.headers, 'x-edge-trace': ctx.request?.traceId ?? '' },
    }),
    'maggate.transform_response': (response) => ({
      ...response,
      headers: { ...response.headers, 'x-edge': 'seen' },
    }),
    'maggate.usage_analytics_emitter': recordCall,
  },
});

function convert(
  { params, headers }: EndpointRequest,
  show: (degrees: number) => string | { degrees: number; unit: string },
): EndpointResponse {
  const celsius = Number(params.celsius);
  if (!Number.isFinite(celsius)) return { status: 400, body: { error: 'a number of degrees is needed' } };
  const fahrenheit = Math.round((celsius * 1.8 + 32) * 100) / 100;
  return { headers: { 'x-trace': headers['x-edge-trace'] ?? 'none' }, body: show(fahrenheit) };
}
