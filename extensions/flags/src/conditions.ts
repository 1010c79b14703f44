import type { Json } from '#sdk';
import { type Attributes, attributeAt, type Work } from './context.ts';
import { invalid } from './problems.ts';
import { compareVersions, versionIn } from './semver.ts';
import { listIn, members, nameIn, textIn } from './shapes.ts';

/** Whether a condition holds for a context. */
export type Test = (attributes: Attributes, work: Work) => boolean;
/** The same for the value that the condition is about. */
type Check = (value: Json, work: Work) => boolean;

const MAX_DEPTH = 5;
const MAX_TEXT = 256;
const MAX_LISTED = 500;

/** What all conditions of a flag may be together. */
export interface Allowance {
  conditions: number;
  listed: number;
}

/** Each is given what the condition compares with, once. What an attribute has another type than is not matched. */
const OPERATORS: ReadonlyMap<string, (operand: unknown, allowance: Allowance) => Check> = new Map([
  ['equals', (operand) => is(scalarIn(operand))],
  ['in', (operand, allowance) => isAmong(scalarsIn(operand, allowance))],
  ['startsWith', (operand) => text(operand, (value, start) => value.startsWith(start))],
  ['endsWith', (operand) => text(operand, (value, end) => value.endsWith(end))],
  ['contains', (operand) => contains(operand)],
  ['greater', (operand) => number(operand, (value, than) => value > than)],
  ['greaterOrEqual', (operand) => number(operand, (value, than) => value >= than)],
  ['less', (operand) => number(operand, (value, than) => value < than)],
  ['lessOrEqual', (operand) => number(operand, (value, than) => value <= than)],
  ['semverEquals', (operand) => version(operand, (order) => order === 0)],
  ['semverGreater', (operand) => version(operand, (order) => order > 0)],
  ['semverGreaterOrEqual', (operand) => version(operand, (order) => order >= 0)],
  ['semverLess', (operand) => version(operand, (order) => order < 0)],
  ['semverLessOrEqual', (operand) => version(operand, (order) => order <= 0)],
]);

/** Of `{ all }`, `{ any }`, `{ not }`, or `{ attribute, operator, value }`. @throws `INVALID` */
export function readCondition(value: unknown, allowance: Allowance, depth = 1): Test {
  if (depth > MAX_DEPTH) throw invalid(`conditions lie at most ${MAX_DEPTH} deep in each other`);
  allowance.conditions -= 1;
  if (allowance.conditions < 0) throw invalid('these are more conditions than a flag may have');
  const given = members(value, 'a condition');
  const inner = (condition: unknown) => readCondition(condition, allowance, depth + 1);
  if ('all' in given) {
    const tests = listIn(members(value, 'a condition', ['all']).all, 'all', MAX_LISTED).map(inner);
    return (attributes, work) => tests.every((test) => test(attributes, work));
  }
  if ('any' in given) {
    const tests = listIn(members(value, 'a condition', ['any']).any, 'any', MAX_LISTED).map(inner);
    return (attributes, work) => tests.some((test) => test(attributes, work));
  }
  if ('not' in given) {
    const test = inner(members(value, 'a condition', ['not']).not);
    return (attributes, work) => !test(attributes, work);
  }
  return readComparison(value, allowance);
}

function readComparison(value: unknown, allowance: Allowance): Test {
  const given = members(value, 'a condition', ['attribute', 'operator', 'value']);
  const attribute = nameIn(given.attribute, 'attribute of a condition');
  if (given.operator === 'exists') {
    if (typeof given.value !== 'boolean') throw invalid('exists is compared with true or false');
    return (attributes) => (attributeAt(attributes, attribute) !== undefined) === given.value;
  }
  const operator = OPERATORS.get(String(given.operator));
  if (operator === undefined)
    throw invalid(`operator of a condition is exists or one of ${[...OPERATORS.keys()].join(', ')}`);
  const check = operator(given.value, allowance);
  return (attributes, work) => {
    work.spend(1);
    const found = attributeAt(attributes, attribute);
    return found !== undefined && check(found, work);
  };
}

function is(wanted: Json): Check {
  return (value) => value === wanted;
}

function isAmong(wanted: ReadonlySet<Json>): Check {
  return (value) => wanted.has(value);
}

function text(operand: unknown, holds: (value: string, operand: string) => boolean): Check {
  const wanted = textIn(operand, 'value of a condition', MAX_TEXT);
  return (value) => typeof value === 'string' && holds(value, wanted);
}

/** A part of a text, or an entry of a list. */
function contains(operand: unknown): Check {
  const wanted = textIn(operand, 'value of a condition', MAX_TEXT);
  return (value, work) => {
    if (Array.isArray(value)) work.spend(value.length);
    else if (typeof value !== 'string') return false;
    else work.spend(Math.ceil((value.length * wanted.length) / 1_000));
    return value.includes(wanted);
  };
}

function number(operand: unknown, holds: (value: number, operand: number) => boolean): Check {
  if (typeof operand !== 'number') throw invalid('value of a condition is a number');
  return (value) => typeof value === 'number' && holds(value, operand);
}

function version(operand: unknown, holds: (order: number) => boolean): Check {
  const wanted = versionIn(operand);
  if (wanted === null) throw invalid('value of a condition is a version such as 1.2.0');
  return (value) => {
    const found = versionIn(value);
    return found !== null && holds(compareVersions(found, wanted));
  };
}

function scalarIn(value: unknown): Json {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  return textIn(value, 'value of a condition', MAX_TEXT, 0);
}

function scalarsIn(value: unknown, allowance: Allowance): ReadonlySet<Json> {
  const listed = listIn(value, 'value of a condition', MAX_LISTED).map(scalarIn);
  allowance.listed -= listed.length;
  if (allowance.listed < 0) throw invalid('these are more values than the conditions of a flag may list');
  return new Set(listed);
}
