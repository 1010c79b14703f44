import type { CapabilityName } from './capabilities.ts';

/** What a hook point means to its taps (spec 04). Guard, observe and collect points come with the components that fire them. */
export type HookKind = 'transform';

export interface HookRow {
  readonly component: 'maggate';
  readonly kind: HookKind;
  readonly meaning: string;
  /** What an extension must hold to tap it. */
  readonly capability: CapabilityName;
  /** Time all taps of one firing share. */
  readonly budgetMs: number;
  /** JSON Schema of the value a tap receives and, for a transform, must return. */
  readonly payload: Readonly<Record<string, unknown>>;
}

const headers = { type: 'object', additionalProperties: { type: 'string' }, maxProperties: 200 } as const;

/** The hook points this host fires. The table is the source for checks, types and reference pages. */
export const HOOKS = {
  'maggate.wrap_request': {
    component: 'maggate',
    kind: 'transform',
    meaning:
      'Changes a request before the endpoint of an extension sees it. Credentials are never part of it.',
    capability: 'api.intercept_request',
    budgetMs: 1000,
    payload: {
      type: 'object',
      required: ['method', 'path', 'query', 'headers'],
      additionalProperties: false,
      properties: {
        method: { type: 'string' },
        path: { type: 'string' },
        query: { type: 'object' },
        headers,
        body: {},
      },
    },
  },
  'maggate.transform_response': {
    component: 'maggate',
    kind: 'transform',
    meaning: 'Changes what the endpoint of an extension answered before it is sent.',
    capability: 'api.intercept_request',
    budgetMs: 1000,
    payload: {
      type: 'object',
      required: ['status', 'headers'],
      additionalProperties: false,
      properties: {
        status: { type: 'integer', minimum: 200, maximum: 599 },
        headers,
        body: {},
        request: {
          type: 'object',
          required: ['method', 'path'],
          additionalProperties: false,
          properties: { method: { type: 'string' }, path: { type: 'string' } },
        },
      },
    },
  },
} as const satisfies Record<string, HookRow>;

/** The full name of a hook point: `<component>.<hook>`. */
export type HookName = keyof typeof HOOKS;

export function isHook(name: string): name is HookName {
  return Object.hasOwn(HOOKS, name);
}

/** The row of a hook point, typed wide. */
export function hookRow(name: HookName): HookRow {
  return HOOKS[name];
}
