import { defineExtension, type Invocation, type Json } from '#sdk';

const COUNT: Readonly<Record<string, (text: string) => number>> = {
  lines: (text) => text.split('\n').length - (text.endsWith('\n') ? 1 : 0),
  words: (text) => text.split(/\s+/).filter((word) => word !== '').length,
  characters: (text) => [...text].length,
};

export default defineExtension({
  commands: { count },
  formats: { csv: (answer) => ({ text: toCsv(answer) }) },
});

function count({ args, options, stdin }: Invocation) {
  const { unit = 'words', 'at-most': most } = options;
  const text = Array.isArray(args.words) ? args.words.join(' ') : (stdin ?? '');
  const counted = COUNT[String(unit)]?.(text) ?? 0;
  const isOver = typeof most === 'number' && counted > most;
  return {
    text: isOver ? `${counted} ${unit}, more than ${most}` : `${counted} ${unit}`,
    data: { unit, count: counted },
    exitCode: isOver ? (1 as const) : (0 as const),
  };
}

/** The first list in it, a line for each element; a single object is a list of one. */
function toCsv(answer: Json): string {
  const rows = listIn(answer).filter((row) => row !== null && typeof row === 'object' && !Array.isArray(row));
  const names = [...new Set(rows.flatMap((row) => Object.keys(row as object)))];
  const lines = rows.map((row) => names.map((name) => cell((row as Record<string, Json>)[name] ?? '')));
  return [names.map(cell), ...lines].map((line) => line.join(',')).join('\n');
}

function listIn(answer: Json): Json[] {
  if (Array.isArray(answer)) return answer;
  if (answer === null || typeof answer !== 'object') return [];
  return (Object.values(answer).find((value) => Array.isArray(value)) as Json[] | undefined) ?? [answer];
}

function cell(value: Json): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
