import { type AnyNode, parse } from 'acorn';
import { full } from 'acorn-walk';
import { MagError, messageOf } from '../../kernel/errors.ts';
import { CALLS, type CallName, isCall } from '../../manifests/protocol/calls.ts';
import { dangersIn } from './dangers.ts';
import { isText, memberName, nameOf } from './member-name.ts';

/** What the code of an extension does, as far as its text tells. Lines are those of the bundled module. */
export interface ModuleScan {
  /** Host calls, by the line of their first use. */
  readonly calls: ReadonlyMap<CallName, number>;
  /** Families of `ctx` that are handed on, so that their calls cannot be told apart. */
  readonly families: ReadonlyMap<string, number>;
  /** Lines where a member of `ctx` is looked up by a computed name, or `ctx` gets another name. */
  readonly computed: readonly number[];
  /** Must not be in an extension. */
  readonly dangers: readonly string[];
  /** May be harmless; a person has to look. */
  readonly suspicions: readonly string[];
}

const FAMILIES = new Set(Object.keys(CALLS).map((call) => call.slice(0, call.indexOf('.'))));
/** Methods of the SDK that are another call, or several, on the wire. */
const ALIASES: Readonly<Record<string, CallName>> = {
  'db.queryOne': 'db.query',
  'db.transaction': 'db.begin',
  'events.publishInTransaction': 'events.publish',
};
/** How the context is called in handlers; the bundler keeps names. */
const CONTEXT = /^(ctx|context)\d*$/i;

/** @throws `E_PKG_INVALID` when it is no ES module */
export function scanModule(code: string): ModuleScan {
  const calls = new Map<CallName, number>();
  const families = new Map<string, number>();
  const computed: number[] = [];
  const program = parseModule(code);
  const first = <Key>(map: Map<Key, number>, key: Key, line: number) => {
    if (!map.has(key)) map.set(key, line);
  };
  const handedOn = new Map<AnyNode, string>();
  full(program, (visited, _state, type) => {
    const node = visited as AnyNode;
    const line = lineOf(node);
    if (type === 'Identifier' && isNamed(node, 'fetch')) first(calls, 'http.fetch', line);
    if (node.type === 'VariableDeclarator' && node.id.type === 'ObjectPattern' && isContext(node.init)) {
      for (const name of patternKeys(node.id)) if (FAMILIES.has(name)) first(families, name, line);
    }
    const renamed = node.type === 'VariableDeclarator' && node.id.type === 'Identifier' ? node.init : null;
    if (isContext(renamed)) computed.push(line);
    if (isFunction(node)) {
      for (const parameter of node.params) {
        // Handlers take the context last, and may take it apart at once.
        if (parameter.type !== 'ObjectPattern' || parameter !== node.params.at(-1)) continue;
        for (const name of patternKeys(parameter)) if (FAMILIES.has(name)) first(families, name, line);
      }
    }
    if (node.type !== 'MemberExpression') return;
    if (isContext(node.object) && node.computed && !isText(node.property)) computed.push(line);
    const family = isContext(node.object) ? memberName(node) : null;
    if (family !== null && FAMILIES.has(family)) handedOn.set(node, family);
    const inner = node.object;
    if (isNamed(inner, 'globalThis') && memberName(node) === 'fetch') first(calls, 'http.fetch', line);
    if (inner.type !== 'MemberExpression' || !isContext(inner.object)) return;
    const name = `${memberName(inner)}.${memberName(node)}`;
    const call = Object.hasOwn(ALIASES, name) ? ALIASES[name] : name;
    if (call === undefined || !isCall(call)) return;
    first(calls, call, line);
    handedOn.set(inner, '');
  });
  // The walk ends with the outer expression, so what is still named here was not followed by a call.
  for (const [node, family] of handedOn) if (family !== '') first(families, family, lineOf(node));
  return { calls, families, computed, ...dangersIn(code, program) };
}

function parseModule(code: string) {
  try {
    return parse(code, { ecmaVersion: 2023, sourceType: 'module', locations: true });
  } catch (cause) {
    throw new MagError('E_PKG_INVALID', `The entry is not an ES module: ${messageOf(cause)}.`, { cause });
  }
}

function isContext(node: AnyNode | null | undefined): boolean {
  return node?.type === 'Identifier' && CONTEXT.test(node.name);
}

function isNamed(node: AnyNode, name: string): boolean {
  return node.type === 'Identifier' && node.name === name;
}

function isFunction(node: AnyNode) {
  return (
    node.type === 'FunctionExpression' ||
    node.type === 'ArrowFunctionExpression' ||
    node.type === 'FunctionDeclaration'
  );
}

function patternKeys({ properties }: Extract<AnyNode, { type: 'ObjectPattern' }>): string[] {
  return properties.flatMap((property) => {
    if (property.type !== 'Property') return [];
    return [nameOf(property.key, property.computed) ?? ''];
  });
}

function lineOf(node: AnyNode): number {
  return node.loc?.start.line ?? 0;
}
