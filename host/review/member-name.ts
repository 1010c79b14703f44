import type { AnyNode, Literal, MemberExpression } from 'acorn';

/** `b` of `a.b` and `a['b']`; `null` where the text of the code does not say it. */
export function memberName({ property, computed }: MemberExpression): string | null {
  return nameOf(property, computed);
}

/** The name of a key. */
export function nameOf(key: AnyNode, computed: boolean): string | null {
  if (!computed && key.type === 'Identifier') return key.name;
  return isText(key) ? String(key.value) : null;
}

export function isText(node: AnyNode): node is Literal {
  return node.type === 'Literal' && typeof node.value === 'string';
}
