import type { CommandResult, Context, Invocation, SecretKey, SecretStatus } from '#sdk';
import { allSecrets, overdue } from './overdue.ts';

export const commands = {
  list: async ({ options }: Invocation, ctx: Context) => {
    const all = await allSecrets(ctx);
    const found = all.filter(({ state }) => options.state === undefined || state === options.state);
    return answer(found.map(rowOf), [
      'secret',
      'of',
      'tenant',
      'state',
      'from',
      'rotated',
      'read',
      'used by',
    ]);
  },
  map: async ({ args, options }: Invocation, ctx: Context) => {
    const days = options['rotate-after-days'];
    const target = {
      ...{ backend: String(args.backend), ref: String(args.ref) },
      ...(typeof days === 'number' ? { rotateAfterDays: days } : {}),
    };
    const expected = options['if-version'];
    const change = typeof expected === 'number' ? { version: expected } : {};
    const { swapped, version } = await ctx.secrets.mappings.set(keyOf(args, options), target, change);
    if (!swapped) return refused('STALE', `${args.name} has version ${version}`);
    return said(`${args.name} is read from ${target.backend} (version ${version})`, { version });
  },
  unmap: async ({ args, options }: Invocation, ctx: Context) => {
    const { swapped, version } = await ctx.secrets.mappings.remove(keyOf(args, options));
    return swapped
      ? said(`${args.name} is mapped no longer`, { version })
      : refused('NOT_FOUND', `${args.name} is not mapped`);
  },
  rotate: async ({ args, options }: Invocation, ctx: Context) => {
    const { version, rotatedAt } = await ctx.secrets.mappings.rotate(keyOf(args, options));
    return said(`${args.name} is read anew from here on (version ${version})`, { version, rotatedAt });
  },
  check: async ({ args, options }: Invocation, ctx: Context) => {
    const { state, backend, problem } = await ctx.secrets.mappings.check(keyOf(args, options));
    const text = `${args.name} is ${state} in ${backend}${problem === null ? '' : `: ${problem}`}`;
    return {
      text,
      data: { state, backend, problem },
      exitCode: state === 'present' ? (0 as const) : (1 as const),
    };
  },
  history: async ({ args, options }: Invocation, ctx: Context) => {
    const changes = await ctx.secrets.mappings.history(keyOf(args, options));
    const rows = changes.map(({ version, action, backend, ref, changedAt, changedBy }) => ({
      ...{ version: String(version), what: action, backend, ref, at: changedAt, by: changedBy },
    }));
    return answer(rows, ['version', 'what', 'backend', 'ref', 'at', 'by']);
  },
  backends: async (_invocation: Invocation, ctx: Context) => {
    const rows = (await ctx.secrets.mappings.backends()).map(({ name, url, problem, askedAt }) => ({
      ...{ backend: name, url: url ?? '-', problem: problem ?? '-', asked: askedAt ?? '-' },
    }));
    return answer(rows, ['backend', 'url', 'problem', 'asked']);
  },
  overdue: async (_invocation: Invocation, ctx: Context) => {
    const rows = (await overdue(ctx)).map(({ name, extension, tenant, backend, rotatedAt, dueAt }) => ({
      ...{
        secret: name,
        of: extension ?? '-',
        tenant: tenant ?? '-',
        backend,
        rotated: rotatedAt,
        due: dueAt,
      },
    }));
    return answer(rows, ['secret', 'of', 'tenant', 'backend', 'rotated', 'due']);
  },
};

function keyOf(args: Invocation['args'], options: Invocation['options']): SecretKey {
  return {
    name: String(args.name),
    ...(options.extension === undefined ? {} : { extension: String(options.extension) }),
    ...(options.tenant === undefined ? {} : { tenant: String(options.tenant) }),
  };
}

function rowOf({ name, extension, tenant, state, from, problem, mapping, lastReadAt, usedBy }: SecretStatus) {
  return {
    secret: name,
    of: extension ?? '-',
    tenant: tenant ?? '-',
    state: problem === null ? state : `${state}: ${problem}`,
    from: from ?? '-',
    rotated: mapping?.rotatedAt ?? '-',
    read: lastReadAt ?? '-',
    'used by': usedBy.join(', ') || '-',
  };
}

/** Columns for people, the rows for programs. */
function answer(rows: readonly Record<string, string>[], columns: readonly string[]): CommandResult {
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ''))];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => (line[at] ?? '').length)));
  const text = lines.map((line) =>
    line
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return { text: text.join('\n'), data: rows.map((row) => ({ ...row })) };
}

function said(text: string, data: Record<string, string | number>): CommandResult {
  return { text, data };
}

/** With the codes and the shape that refusals have elsewhere. */
function refused(code: 'STALE' | 'NOT_FOUND', detail: string): CommandResult {
  return { text: `${code}: ${detail}`, data: { error: { code, detail } }, exitCode: 1 };
}
