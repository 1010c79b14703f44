import type { AnyNode, Program } from 'acorn';
import { full } from 'acorn-walk';
import { isText, memberName, nameOf } from './member-name.ts';

/** Objects that the whole isolate shares. */
const BUILTINS = new Set([
  'Object',
  'Function',
  'Array',
  'String',
  'Number',
  'Boolean',
  'Promise',
  'Error',
  'RegExp',
  'Date',
  'Map',
  'Set',
  'JSON',
  'Reflect',
]);
const MUTATORS = new Set(['assign', 'defineProperty', 'defineProperties', 'setPrototypeOf']);
/** Absent in the sandbox: who names them looks for a way out, or carries code that cannot work. */
const ABSENT = new Set(['WebAssembly', 'SharedArrayBuffer', 'Atomics', 'process', 'require', 'global']);
/** What makes code out of text, whoever calls it by whatever name. */
const MAKES_CODE = new Set(['eval', 'Function']);
const GLOBAL = new Set(['globalThis', 'self', 'window']);
const OBFUSCATED = /^_0x[0-9a-f]{3,}$/;
const MAX_OBFUSCATED = 3;
const LONG_TEXT = 8_192;
const LONG_LINE = 20_000;

/**
 * What does not belong in an extension. The sandbox holds without this: a reviewer wants to know who tries, and a
 * scan of text proves nothing about code that hides.
 */
export function dangersIn(code: string, program: Program): { dangers: string[]; suspicions: string[] } {
  const dangers = new Set<string>();
  const suspicions = new Set<string>();
  const obfuscated = new Set<string>();
  const handedOn = new Map<AnyNode, () => void>();
  full(program, (visited, _state, type) => {
    const node = visited as AnyNode;
    const at = `line ${node.loc?.start.line ?? 0}`;
    const danger = dangerOf(node);
    if (danger !== null) dangers.add(`${at}: ${danger}.`);
    for (const part of harmless(node)) handedOn.delete(part);
    if (isConstructor(node))
      handedOn.set(node, () => suspicions.add(`${at}: takes a .constructor; look what is made with it.`));
    if (node.type === 'Literal' && typeof node.value === 'string' && node.value.length > LONG_TEXT)
      suspicions.add(`${at}: a text of ${node.value.length} characters; look what is in it.`);
    if (node.type !== 'Identifier') return;
    const { name } = node;
    if (ABSENT.has(name)) suspicions.add(`${at}: names ${name}, which the sandbox does not have.`);
    if (OBFUSCATED.test(name)) obfuscated.add(name);
    if (type !== 'Identifier') return; // it is declared here, not used
    if (MAKES_CODE.has(name))
      handedOn.set(node, () => dangers.add(`${at}: makes code out of text (${name}).`));
    if (GLOBAL.has(name))
      handedOn.set(node, () => suspicions.add(`${at}: hands ${name} on; look what is taken from it.`));
  });
  for (const tell of handedOn.values()) tell();
  if (obfuscated.size > MAX_OBFUSCATED)
    dangers.add(`${obfuscated.size} names like ${[...obfuscated][0]}: the code is obfuscated.`);
  const longest = Math.max(...code.split('\n').map(({ length }) => length));
  if (longest > LONG_LINE) suspicions.add(`A line of ${longest} characters: the code is not to be read.`);
  return { dangers: [...dangers], suspicions: [...suspicions] };
}

/** `….constructor`, or `const { constructor: make } = …`. */
function isConstructor(node: AnyNode): boolean {
  if (node.type === 'MemberExpression') return memberName(node) === 'constructor';
  if (node.type !== 'ObjectPattern') return false;
  return node.properties.some(
    (property) => property.type === 'Property' && nameOf(property.key, property.computed) === 'constructor',
  );
}

/** What is only looked at, or judged as part of this: `typeof Function`, `x instanceof Function`, `x.constructor.name`. */
function harmless(node: AnyNode): AnyNode[] {
  if (node.type === 'UnaryExpression') return node.operator === 'typeof' ? [node.argument] : [];
  if (node.type === 'BinaryExpression') return [node.left, node.right];
  if (node.type === 'CallExpression' || node.type === 'NewExpression')
    return node.callee.type === 'MemberExpression' ? [node.callee] : [];
  if (node.type !== 'MemberExpression') return [];
  const member = memberName(node);
  const isOfGlobal = node.object.type === 'Identifier' && GLOBAL.has(node.object.name);
  if (isOfGlobal) return member === null ? [] : [node.object];
  return member === 'prototype' || member === 'name' ? [node.object] : [];
}

function dangerOf(node: AnyNode): string | null {
  if (node.type === 'ImportExpression') return 'imports at run time';
  if (node.type === 'CallExpression' || node.type === 'NewExpression') return callDanger(node);
  const changed = changedBy(node);
  if (changed !== null && changesBuiltin(changed)) return 'changes what all code shares';
  const member = node.type === 'MemberExpression' ? globalMember(node) : null;
  if (member !== null && MAKES_CODE.has(member)) return `makes code out of text (${member})`;
  return null;
}

function callDanger(node: Extract<AnyNode, { type: 'CallExpression' | 'NewExpression' }>): string | null {
  const { callee } = node;
  const [first] = node.arguments;
  const name = callee.type === 'Identifier' ? callee.name : globalMember(callee);
  const takesText = first !== undefined && (isText(first) || first.type === 'TemplateLiteral');
  if ((name === 'setTimeout' || name === 'setInterval') && takesText)
    return `makes code out of text (${name})`;
  if (callee.type !== 'MemberExpression') return null;
  const method = memberName(callee);
  // (() => {}).constructor('…') is Function by another name
  if (method === 'constructor') return 'makes code out of text (.constructor)';
  const isMutator = method !== null && MUTATORS.has(method);
  if (isMutator && first !== undefined && isShared(first)) return 'changes what all code shares';
  return null;
}

/** `a` of `a = 1` and `delete a`. */
function changedBy(node: AnyNode): AnyNode | null {
  if (node.type === 'AssignmentExpression') return node.left;
  return node.type === 'UnaryExpression' && node.operator === 'delete' ? node.argument : null;
}

/** `eval` of `globalThis.eval`. */
function globalMember(node: AnyNode): string | null {
  if (node.type !== 'MemberExpression' || node.object.type !== 'Identifier') return null;
  return GLOBAL.has(node.object.name) ? memberName(node) : null;
}

function changesBuiltin(target: AnyNode): boolean {
  if (target.type !== 'MemberExpression') return false;
  if (memberName(target) === '__proto__') return true;
  return isShared(target.object);
}

/** `Array`, `Array.prototype`. */
function isShared(node: AnyNode): boolean {
  if (node.type === 'Identifier') return BUILTINS.has(node.name);
  if (node.type !== 'MemberExpression') return false;
  const isPrototype = memberName(node) === 'prototype';
  return isPrototype && node.object.type === 'Identifier' && BUILTINS.has(node.object.name);
}
