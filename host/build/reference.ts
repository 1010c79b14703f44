import {
  CAPABILITIES,
  type CapabilityName,
  CODES,
  type Code,
  capabilityRow,
  EVENTS,
  type EventType,
  eventRow,
  HOOKS,
  type HookName,
  type HookRow,
  hookRow,
  isTapped,
} from '../../manifests/catalog/index.ts';
import { CALLS, type CallRow, OF_CAPABILITIES, OF_EVERY_CALL } from '../../manifests/protocol/calls.ts';

/** The reference pages, made from the catalogues: file name below `docs/reference/` to text. */
export function referencePages(): Map<string, string> {
  return new Map([
    ['capabilities.md', capabilities()],
    ['hooks.md', hooks()],
    ['events.md', events()],
    ['host-calls.md', hostCalls()],
    ['codes.md', codes()],
  ]);
}

function capabilities(): string {
  const rows = (Object.keys(CAPABILITIES) as CapabilityName[]).map((name) => {
    const { meaning, scope, scopeRequired } = capabilityRow(name);
    const keys = Object.entries(scope).map(([key, row]) => `\`${key}\`: ${row.meaning}`);
    return [`\`${name}\``, meaning, keys.join(' ') + (scopeRequired ? ' A scope is required.' : '')];
  });
  return page('Capabilities', 'manifests/catalog/capabilities.ts', [
    table(['capability', 'lets an extension', 'scope'], rows),
  ]);
}

function hooks(): string {
  const rows = (Object.keys(HOOKS) as HookName[]).map((name) => {
    const row = hookRow(name);
    const { meaning, capability } = row;
    const time = isTapped(row) ? `${row.budgetMs} ms` : '';
    return [`\`${name}\``, kindOf(row), meaning, `\`${capability}\``, time];
  });
  const schemas = (Object.keys(HOOKS) as HookName[]).flatMap((name) => {
    const row = hookRow(name);
    if (!isTapped(row)) return [];
    const answer = row.result === undefined ? [] : [schemaSection(`${name}, the answer`, row.result)];
    return [schemaSection(name, row.payload), ...answer];
  });
  const head = ['hook', 'kind', 'meaning', 'needs', 'time its taps share'];
  return page('Hooks', 'manifests/catalog/hooks.ts', [table(head, rows), ...schemas]);
}

function kindOf(row: HookRow): string {
  if (!isTapped(row)) return `${row.kind}: \`contributes.${row.contribution}\``;
  if (row.failsClosed) return `${row.kind}, fails closed`;
  if (row.mayVeto) return `${row.kind}, may veto`;
  return row.failsOpen ? `${row.kind}, fails open` : row.kind;
}

function events(): string {
  const rows = (Object.keys(EVENTS) as EventType[]).map((type) => {
    const { component, meaning, requires, highRate } = eventRow(type);
    const needs = requires.map((name) => `\`${name}\``).join(', ');
    const note = highRate ? `${meaning} Only written while somebody subscribes.` : meaning;
    return [`\`${type}\``, component, note, needs];
  });
  const schemas = (Object.keys(EVENTS) as EventType[]).map((type) =>
    schemaSection(type, eventRow(type).data),
  );
  const head = ['event', 'component', 'meaning', 'a subscriber also needs'];
  return page('Events', 'manifests/catalog/events.ts', [table(head, rows), ...schemas]);
}

function hostCalls(): string {
  const list = (all: readonly Code[]) => all.map((code) => `\`${code}\``).join(', ');
  const rows = Object.entries(CALLS).map(([name, row]) => [
    `\`${name}\``,
    needs(row),
    `${row.deadlineMs} ms`,
    list(row.errors),
  ]);
  const head = ['call', 'needs', 'deadline', 'may fail with'];
  const note = [
    `Every call may also fail with ${list(OF_EVERY_CALL)}, and one that needs a capability with`,
    `${list(OF_CAPABILITIES)}. An error that an extension lets through reaches its own caller with the code and`,
    'the message that the host gave to this very call; any other error of an extension is `E_EXTENSION`.',
  ].join('\n');
  return page('Host calls', 'manifests/protocol/calls.ts', [table(head, rows), note]);
}

function needs({ needs }: CallRow): string {
  if (needs === 'none') return 'nothing';
  if ('capability' in needs) return `\`${needs.capability}\``;
  return `what the content asks for, of ${needs.anyOf.map((name) => `\`${name}\``).join(', ')}`;
}

function codes(): string {
  const rows = Object.entries(CODES).map(([code, { status, meaning }]) => [
    `\`${code}\``,
    String(status),
    meaning,
  ]);
  return page('Codes', 'manifests/catalog/codes.ts', [table(['code', 'HTTP status', 'meaning'], rows)]);
}

function page(title: string, source: string, parts: readonly string[]): string {
  const made = `Made from \`${source}\` by \`npm run docs\`; do not edit.`;
  return `${[`# ${title}`, made, ...parts].join('\n\n')}\n`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function schemaSection(name: string, schema: object | true): string {
  return `## \`${name}\`\n\n\`\`\`json\n${JSON.stringify(schema, null, 2)}\n\`\`\``;
}
