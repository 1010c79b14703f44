import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '#sdk';
import { attributesIn, EvaluationFailure, Work } from '../src/context.ts';
import { completed, readFlag } from '../src/definition.ts';
import { evaluate } from '../src/evaluate.ts';
import { compareVersions, versionIn } from '../src/semver.ts';

const evaluated = (definition: JsonObject, context: JsonObject = {}) =>
  evaluate(readFlag('flag', completed(definition)), attributesIn(context), new Work());
const failing = (run: () => unknown): string => {
  try {
    run();
  } catch (failure) {
    if (failure instanceof EvaluationFailure) return failure.errorCode;
    throw failure;
  }
  return 'none';
};
const ruled = (when: Json): JsonObject => ({ type: 'boolean', rules: [{ when, variant: 'on' }] });
const holds = (when: Json, context: JsonObject) => evaluated(ruled(when), context).variant === 'on';

describe('a flag', () => {
  const text: JsonObject = {
    type: 'string',
    variants: { a: 'A', b: 'B', c: 'C' },
    defaultVariant: 'a',
    offVariant: 'c',
  };
  const vip = { attribute: 'plan', operator: 'equals', value: 'vip' };

  it.each([
    ['is its default variant', text, {}, ['A', 'a', 'STATIC', null]],
    ['is its off variant', { ...text, enabled: false }, {}, ['C', 'c', 'DISABLED', null]],
    [
      'has rules that hold',
      { ...text, rules: [{ name: 'vips', when: vip, variant: 'b' }] },
      { plan: 'vip' },
      ['B', 'b', 'TARGETING_MATCH', 'vips'],
    ],
    [
      'has rules that do not',
      { ...text, rules: [{ when: vip, variant: 'b' }] },
      {},
      ['A', 'a', 'DEFAULT', null],
    ],
    [
      'is as the first rule says',
      {
        ...text,
        rules: [
          { when: { all: [] }, variant: 'c' },
          { when: { all: [] }, variant: 'b' },
        ],
      },
      {},
      ['C', 'c', 'TARGETING_MATCH', 'rule 1'],
    ],
    [
      'is shared out',
      { ...text, rollout: { weights: { b: 100 } } },
      { targetingKey: 'ada' },
      ['B', 'b', 'SPLIT', null],
    ],
    [
      'is shared out by a rule',
      { ...text, rules: [{ when: vip, rollout: { weights: { c: 1 }, by: 'org.id' } }] },
      { plan: 'vip', org: { id: 7 } },
      ['C', 'c', 'SPLIT', 'rule 1'],
    ],
  ] as [string, JsonObject, JsonObject, unknown[]][])('%s', (_, definition, context, wanted) => {
    const { value, variant, reason, rule } = evaluated(definition, context);
    expect([value, variant, reason, rule]).toEqual(wanted);
  });

  it('of a boolean needs nothing but its type', () => {
    expect(evaluated({ type: 'boolean' })).toMatchObject({ value: false, variant: 'off' });
    expect(evaluated({ type: 'boolean', defaultVariant: 'on' })).toMatchObject({ value: true });
    expect(evaluated({ type: 'boolean', defaultVariant: 'on', enabled: false })).toMatchObject({
      value: false,
    });
  });

  it('is not shared out to whom nothing tells apart', () => {
    const shared = { ...text, rollout: { weights: { a: 1, b: 1 } } };
    expect(failing(() => evaluated(shared))).toBe('TARGETING_KEY_MISSING');
    expect(failing(() => evaluated(shared, { targetingKey: '' }))).toBe('TARGETING_KEY_MISSING');
    const byTeam = { ...text, rollout: { weights: { a: 1 }, by: 'team' } };
    expect(failing(() => evaluated(byTeam, { targetingKey: 'ada', team: {} }))).toBe('INVALID_CONTEXT');
  });

  it('is the same every time, with a variant of its own, or says why not', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (context) => {
        const definition = {
          ...text,
          rules: [
            { when: { any: [vip, { attribute: 'a.b', operator: 'greater', value: 3 }] }, variant: 'b' },
          ],
          rollout: { weights: { a: 1, c: 3 } },
        };
        const once = () => {
          try {
            return evaluated(definition, context as JsonObject);
          } catch (failure) {
            if (failure instanceof EvaluationFailure) return failure.errorCode;
            throw failure;
          }
        };
        expect(once()).toEqual(once());
      }),
    );
  });
});

describe('a condition', () => {
  const user: JsonObject = {
    targetingKey: 'ada',
    plan: 'vip',
    age: 36,
    beta: true,
    app: { version: '2.10.0-rc.1' },
    'dotted.name': 'x',
    groups: ['staff', 'ops'],
    nothing: null,
  };
  const is = (attribute: string, operator: string, value: Json) => ({ attribute, operator, value });

  it.each([
    [is('plan', 'equals', 'vip')],
    [is('age', 'equals', 36)],
    [is('beta', 'equals', true)],
    [is('plan', 'in', ['free', 'vip'])],
    [is('age', 'in', [36])],
    [is('plan', 'startsWith', 'vi')],
    [is('plan', 'endsWith', 'ip')],
    [is('plan', 'contains', 'i')],
    [is('groups', 'contains', 'ops')],
    [is('age', 'greater', 35)],
    [is('age', 'greaterOrEqual', 36)],
    [is('age', 'less', 36.5)],
    [is('age', 'lessOrEqual', 36)],
    [is('app.version', 'semverGreater', '2.9.9')],
    [is('app.version', 'semverLess', '2.10.0')],
    [is('app.version', 'semverEquals', 'v2.10.0-rc.1')],
    [is('app.version', 'semverGreaterOrEqual', '2.10.0-beta')],
    [is('app.version', 'semverLessOrEqual', '2.10.0-rc.2')],
    [is('dotted.name', 'equals', 'x')],
    [is('app.version', 'exists', true)],
    [is('nothing', 'exists', false)],
    [is('app.none', 'exists', false)],
    [{ not: is('plan', 'equals', 'free') }],
    [{ all: [is('plan', 'equals', 'vip'), { any: [is('age', 'less', 1), is('beta', 'equals', true)] }] }],
  ])('holds: %j', (when) => expect(holds(when as Json, user)).toBe(true));

  it.each([
    [is('plan', 'equals', 'VIP')],
    [is('age', 'equals', '36')],
    [is('plan', 'in', [])],
    [is('age', 'startsWith', '3')],
    [is('age', 'contains', '3')],
    [is('plan', 'greater', 3)],
    [is('plan', 'semverGreater', '1.0.0')],
    [is('missing', 'equals', 'x')],
    [is('missing', 'less', 5)],
    [is('constructor', 'exists', true)],
    [is('plan.length', 'exists', true)],
    [is('groups.length', 'exists', true)],
    [is('__proto__', 'exists', true)],
    [{ any: [] }],
    [{ not: { all: [] } }],
  ])('does not hold: %j', (when) => expect(holds(when as Json, user)).toBe(false));

  it('orders versions as Semantic Versioning does', () => {
    const ordered = [
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0',
    ];
    const versions = ordered.map((text) => versionIn(text) ?? expect.fail(text));
    for (const [i, one] of versions.entries())
      for (const [j, other] of versions.entries())
        expect(Math.sign(compareVersions(one, other))).toBe(Math.sign(i - j));
    expect(['1.0', 'x', '1.2.3.4', '', 7, null].map(versionIn)).toEqual(Array(6).fill(null));
  });
});

describe('what is hostile', () => {
  const deep = (levels: number): Json => (levels === 0 ? { all: [] } : { not: deep(levels - 1) });
  it.each([
    null,
    [],
    'flag',
    {},
    { type: 'date' },
    { type: 'constructor' },
    { type: 'string' },
    { type: 'boolean', variants: { on: 'yes' }, defaultVariant: 'on' },
    { type: 'integer', variants: { a: 1.5 }, defaultVariant: 'a' },
    { type: 'object', variants: { a: [] }, defaultVariant: 'a' },
    { type: 'boolean', defaultVariant: 'constructor' },
    { type: 'boolean', variants: {}, defaultVariant: 'on' },
    { type: 'string', variants: JSON.parse('{"__proto__":"x"}'), defaultVariant: '__proto__' },
    { type: 'boolean', enabled: 'yes' },
    { type: 'boolean', salts: 'x' },
    { type: 'boolean', tags: ['\ud800'] },
    { type: 'boolean', tags: Array(21).fill('t') },
    { type: 'boolean', rules: Array(51).fill({ when: { all: [] }, variant: 'on' }) },
    { type: 'boolean', rules: [{ when: { all: [] } }] },
    { type: 'boolean', rules: [{ when: { all: [] }, variant: 'on', rollout: { weights: { on: 1 } } }] },
    { type: 'boolean', rules: [{ when: { all: [] }, variant: 'gone' }] },
    { type: 'boolean', rules: [{ variant: 'on' }] },
    ruled({ attribute: 'a', operator: 'matches', value: '(a+)+$' }),
    ruled({ attribute: 'a', operator: 'toString', value: 'x' }),
    ruled({ attribute: 'a', operator: 'contains', value: '' }),
    ruled({ attribute: 'a', operator: 'contains', value: 'x'.repeat(257) }),
    ruled({ attribute: 'a', operator: 'in', value: 'x' }),
    ruled({ attribute: 'a', operator: 'in', value: Array(501).fill(1) }),
    ruled({ attribute: 'a', operator: 'less', value: '3' }),
    ruled({ attribute: 'a', operator: 'semverLess', value: '1' }),
    ruled({ attribute: 'a', operator: 'exists', value: 1 }),
    ruled({ attribute: '', operator: 'equals', value: 1 }),
    ruled({ all: [], any: [] }),
    ruled(deep(6)),
    ruled({ any: Array(200).fill({ all: [] }) }),
  ])('is refused: %#', (value) => {
    expect(() => completed(value)).toThrow(expect.objectContaining({ code: 'INVALID' }));
  });

  it('is refused for its size before it is looked at', () => {
    const large = { type: 'boolean', description: 'x'.repeat(20_000), variants: 7 };
    expect(() => completed(large)).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }));
  });

  it('never gets another error than ours out of what it sends', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (rules) => {
        try {
          completed({ type: 'boolean', rules: rules as Json, rollout: rules as Json });
        } catch (failure) {
          expect(['INVALID', 'TOO_LARGE']).toContain((failure as { code: string }).code);
        }
      }),
    );
  });

  it.each([
    [7],
    ['x'],
    [[]],
    [{ targetingKey: 7 }],
    [{ targetingKey: 'x'.repeat(1_025) }],
    [{ a: 'x'.repeat(70_000) }],
  ])('is no context: %#', (context) =>
    expect(failing(() => attributesIn(context as Json))).toBe('INVALID_CONTEXT'),
  );

  it('cannot make evaluations take long', () => {
    const needles = Array.from({ length: 100 }, (_, n) => ({
      attribute: 'text',
      operator: 'contains',
      value: `${'a'.repeat(50)}${n}`,
    }));
    const flag = readFlag('flag', completed(ruled({ any: needles })));
    const work = new Work();
    const context = { text: 'a'.repeat(60_000) };
    expect(failing(() => evaluate(flag, context, work))).toBe('GENERAL');
  });
});
