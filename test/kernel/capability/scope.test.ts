import { describe, expect, it } from 'vitest';
import { compileScope } from '../../../kernel/capability/scope.ts';

describe('compileScope', () => {
  it('covers everything without a scope', () => {
    expect(compileScope('database.read', null)({ tables: 'public.users' })).toBe(true);
  });

  it('takes keys of one group as alternatives', () => {
    const covers = compileScope('database.read', { tables: ['public.users'], schemas: ['shop'] });
    expect(covers({ tables: 'public.users', schemas: 'public' })).toBe(true);
    expect(covers({ tables: 'shop.orders', schemas: 'shop' })).toBe(true);
    expect(covers({ tables: 'public.orders', schemas: 'public' })).toBe(false);
  });

  it('covers nothing with an empty list', () => {
    expect(compileScope('database.read', { tables: [] })({ tables: 'public.users', schemas: 'public' })).toBe(
      false,
    );
  });

  it('takes a path prefix at segment borders only', () => {
    const covers = compileScope('api.intercept_request', { paths: ['/x/acme/hello'] });
    expect(covers({ paths: '/x/acme/hello' })).toBe(true);
    expect(covers({ paths: '/x/acme/hello/greet' })).toBe(true);
    expect(covers({ paths: '/x/acme/hello-world' })).toBe(false);
  });

  it('covers nothing by a key the catalogue does not know', () => {
    expect(compileScope('database.read', { toString: ['public.users'] })({ tables: 'public.users' })).toBe(
      false,
    );
    expect(compileScope('api.emit_events', { types: ['a.b'] })({ types: 'a.b' })).toBe(false);
  });
});
