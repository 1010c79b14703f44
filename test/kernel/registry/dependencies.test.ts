import { describe, expect, it } from 'vitest';
import {
  dependentsOf,
  type Node,
  startOrder,
  startOrderOfAll,
} from '../../../kernel/registry/dependencies.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';

function graph(edges: Record<string, Record<string, string>>): Map<string, Node> {
  return new Map(
    Object.entries(edges).map(([id, dependencies]) => [
      id,
      { id: id as ExtensionId, version: '1.2.0', dependencies },
    ]),
  );
}

describe('startOrder', () => {
  it('puts every dependency before what needs it, once', () => {
    const known = graph({
      'acme/app': { 'acme/left': '^1.0.0', 'acme/right': '^1.0.0' },
      'acme/left': { 'acme/base': '^1.0.0' },
      'acme/right': { 'acme/base': '*' },
      'acme/base': {},
    });
    expect(startOrder('acme/app', known)).toEqual(['acme/base', 'acme/left', 'acme/right', 'acme/app']);
  });

  it.each([
    ['missing', { 'acme/app': { 'acme/base': '^1.0.0' } }, 'acme/app -> acme/base'],
    ['incompatible', { 'acme/app': { 'acme/base': '^2.0.0' }, 'acme/base': {} }, 'acme/app -> acme/base'],
    [
      'circular',
      { 'acme/app': { 'acme/base': '*' }, 'acme/base': { 'acme/app': '*' } },
      'acme/app -> acme/base -> acme/app',
    ],
  ])('names the path to what is %s', (_kind, edges, path) => {
    expect(() => startOrder('acme/app', graph(edges as Record<string, Record<string, string>>))).toThrow(
      expect.objectContaining({ code: 'E_DEPENDENCY', message: expect.stringContaining(path) }),
    );
  });
});

describe('startOrderOfAll', () => {
  it('keeps the broken from holding up the rest', () => {
    const known = graph({ 'acme/b': { 'acme/a': '*' }, 'acme/a': {}, 'acme/x': { 'acme/gone': '*' } });
    expect(startOrderOfAll(known)).toEqual(['acme/a', 'acme/b', 'acme/x']);
  });
});

describe('dependentsOf', () => {
  it('finds who names an extension', () => {
    const known = graph({ 'acme/b': { 'acme/a': '*' }, 'acme/a': {}, 'acme/c': {} });
    expect(dependentsOf('acme/a', known.values())).toEqual(['acme/b']);
    expect(dependentsOf('acme/c', known.values())).toEqual([]);
  });
});
