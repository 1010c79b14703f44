import { styleText } from 'node:util';

/** What a program is given by the process that runs it: handed in, so that nothing reads it behind our back. */
export interface Terminal {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

export type Mark = 'ok' | 'warn' | 'fail' | 'dim';

const COLOURS = { ok: 'green', warn: 'yellow', fail: 'red', dim: 'gray' } as const;

/** Coloured on a terminal, plain everywhere else and where `NO_COLOR` is set. */
export function paint(stream: NodeJS.WriteStream, mark: Mark, text: string): string {
  return styleText(COLOURS[mark], text, { stream });
}
