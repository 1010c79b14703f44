import { PassThrough } from 'node:stream';
import { runCli } from '../../../host/cli/run-cli.ts';

/** Runs one command line in this process, against a host. For what is not about the process itself. */
export async function runHere(
  argv: readonly string[],
  host: { readonly url: string; readonly token: string; readonly dataDir: string },
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const out = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof out) => {
    const pipe = new PassThrough();
    pipe.on('data', (chunk) => (out[name] += chunk));
    return pipe as unknown as NodeJS.WriteStream; // no terminal: nothing of one is asked for
  };
  const exitCode = await runCli({
    argv,
    env: { MAG_URL: host.url, MAG_TOKEN: host.token },
    cwd: host.dataDir,
    stdin: process.stdin,
    stdout: stream('stdout'),
    stderr: stream('stderr'),
  });
  return { exitCode, ...out };
}
