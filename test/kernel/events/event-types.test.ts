import { expect, it } from 'vitest';
import { EventTypes } from '../../../kernel/events/event-types.ts';

const TYPE = 'acme.hello.greeted';

it('does not let the schema of an extension keep the host busy', () => {
  const types = new EventTypes();
  const anyOf = Array.from({ length: 450 }, (_, i) => ({ const: i }));
  types.declare('acme/hello', new Map([[TYPE, { items: { anyOf } }]]));
  expect(() => types.check(TYPE, [449])).not.toThrow();
  expect(() => types.check(TYPE, [450])).toThrow(/^acme.hello.greeted: data\/0 must/);
  expect(() => types.check(TYPE, Array(5_000).fill(449))).toThrow(/too large to be checked/);
});
