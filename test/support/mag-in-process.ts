import { PassThrough, Readable } from 'node:stream';
import { runCli } from '../../host/cli/run-cli.ts';
import type { Terminal } from '../../host/cli/terminal.ts';

export interface MagAnswer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process: what matters is not the program but what it does. */
export async function runMag(
  argv: readonly string[],
  options: { env: Readonly<Record<string, string>>; cwd: string; stdin?: string },
): Promise<MagAnswer> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const exitCode = await runCli({
    argv,
    env: { ...options.env },
    cwd: options.cwd,
    stdin: Readable.from(
      options.stdin === undefined ? [] : [Buffer.from(options.stdin)],
    ) as unknown as Terminal['stdin'],
    stdout: stdout as unknown as Terminal['stdout'],
    stderr: stderr as unknown as Terminal['stderr'],
  });
  const textOf = (stream: PassThrough) => ((stream.read() as Buffer | null) ?? '').toString();
  return { exitCode, stdout: textOf(stdout), stderr: textOf(stderr) };
}
