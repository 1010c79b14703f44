import { describe, expect, it } from 'vitest';
import { explain, type Route, winner, withChange } from '../src/resolve.ts';
import { scopeIn } from '../src/scope.ts';

const scope = scopeIn({ kind: 'kpi', surface: 's', app: 'a', project: 'p' });
const route = (tenant: string, at: Partial<Route> = {}): Route => ({
  id: `${tenant} ${JSON.stringify(at)}`,
  ...{ tenant, surface: '', app: '', project: '', store: 'postgres', config: {}, version: 1 },
  ...at,
});

describe('the entry that holds', () => {
  it('is the most specific one, of the tenant before any default', () => {
    // From the weakest: each that is added holds.
    const rising = [
      route('t_system'),
      route('t_system', { surface: 's' }),
      route('t_system', { app: 'a' }),
      route('t_system', { project: 'p' }),
      route('t_a'),
      route('t_a', { surface: 's' }),
      route('t_a', { app: 'a' }),
      route('t_a', { app: 'a', surface: 's' }),
      route('t_a', { project: 'p' }),
    ];
    let routes: Route[] = [];
    for (const { tenant, surface, app, project } of rising) {
      const change = { tenant, surface, app, project, store: `${tenant}-${surface}${app}${project}` };
      routes = withChange(routes, 't_a', scope, change);
      expect(winner(routes, 't_a', scope).store).toBe(change.store);
    }
    expect(explain(routes, 't_a', scope)).toMatchObject({ why: expect.stringContaining('project p') });
  });

  it('is looked for among what is about the scope only', () => {
    for (const change of [
      { tenant: 't_b', surface: '', app: '', project: '' },
      { tenant: 't_a', surface: '', app: 'other', project: '' },
    ])
      expect(withChange([], 't_a', scope, { ...change, store: 'fast' })).toEqual([]);
  });

  it('is missing by its name', () => {
    expect(() => winner([], 't_a', scope)).toThrow(/kpi for tenant t_a, surface s, app a, project p/);
    const only = [route('t_a')];
    const removed = withChange(only, 't_a', scope, {
      tenant: 't_a',
      surface: '',
      app: '',
      project: '',
      store: null,
    });
    expect(removed).toEqual([]);
  });
});
