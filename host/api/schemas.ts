/** Pieces that the schemas of several routes share. */

export const extensionParams = {
  type: 'object',
  required: ['publisher', 'name'],
  properties: {
    publisher: { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{1,38}$' },
    name: { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{1,62}$' },
  },
} as const;

export const capabilityParams = {
  type: 'object',
  required: ['publisher', 'name', 'capability'],
  properties: {
    ...extensionParams.properties,
    capability: { type: 'string', pattern: '^[a-z]+\\.[a-z_]+$', maxLength: 64 },
  },
} as const;

export const keyName = { type: 'string', pattern: '^[a-z][a-z0-9-]*$', maxLength: 63 } as const;

export const keyParams = {
  type: 'object',
  required: ['publisher', 'name', 'key'],
  properties: { ...extensionParams.properties, key: keyName },
} as const;

export const idParams = {
  type: 'object',
  required: ['id'],
  properties: { id: { type: 'string', minLength: 1, maxLength: 100, pattern: '^[A-Za-z0-9_-]+$' } },
} as const;

export const tenantId = { type: 'string', pattern: '^t_[a-z0-9_-]+$', maxLength: 80 } as const;

/** Of a user or a service, without the kind before it. */
export const userId = { type: 'string', pattern: '^[0-9a-f]{16}$' } as const;

export const limit = { type: 'integer', minimum: 1, maximum: 1_000, default: 100 } as const;

/** Only those members, and these of them in any case. */
export const object = (properties: Record<string, object>, required: readonly string[] = []) => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});

export const scopeSchema = {
  type: 'object',
  maxProperties: 8,
  additionalProperties: {
    type: 'array',
    maxItems: 200,
    items: { type: 'string', minLength: 1, maxLength: 512 },
  },
} as const;

/** Error answers in the description: one shape for all of them. */
const problem = { content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } } };
const problems = {
  '4xx': { description: 'Refused: the code says why.', ...problem },
  '5xx': {
    description: 'The host, an extension or something they need failed: the code says what.',
    ...problem,
  },
};

/** Answers of a route, described. Their shape is not enforced: what is sent is made by one function each. */
export function answers(status: number, description: string, schema: object = { type: 'object' }) {
  return { [status]: { description, content: { 'application/json': { schema } } }, ...problems };
}

/** Answers of a route that sends no body when all is well. */
export function bareAnswers(status: number, description: string) {
  return { [status]: { type: 'null', description }, ...problems };
}

/** A list under its own name, with the address of the next page. */
export function listOf(name: string) {
  return {
    type: 'object',
    properties: {
      [name]: { type: 'array', items: { type: 'object' } },
      next: { type: ['string', 'null'], description: 'Address of the next page, if there is one.' },
    },
  };
}
