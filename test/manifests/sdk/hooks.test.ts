import { describe, expectTypeOf, it } from 'vitest';
import type { HookHandlers } from '#sdk';
import type { HOOKS, HookName } from '../../../manifests/catalog/index.ts';

type Tapped = {
  [Name in HookName]: (typeof HOOKS)[Name]['kind'] extends 'register' ? never : Name;
}[HookName];

describe('the types of hooks', () => {
  it('are there for every hook that extensions tap, and for no other', () => {
    expectTypeOf<keyof HookHandlers>().toEqualTypeOf<Tapped>();
  });

  it('know what each handler is given', () => {
    type Given<Name extends Tapped> = Parameters<NonNullable<HookHandlers[Name]>>[0];
    expectTypeOf<Given<'maggate.rbac_resolver'>>().toEqualTypeOf<Given<'maggate.rate_limit_strategy'>>();
    expectTypeOf<Given<'maggate.rbac_resolver'>['version']>().toEqualTypeOf<number>();
    expectTypeOf<Given<'maggate.usage_analytics_emitter'>['requestBytes']>().toEqualTypeOf<number | null>();
  });
});
