#!/usr/bin/env node
import '../compile-cache.ts';

const { environment } = await import('../config.ts');
const { runCli } = await import('./run-cli.ts');

let readerLeft = false;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.exit(1);
  if (readerLeft) return;
  readerLeft = true;
  // `mag … | head`: nobody reads any more. What must end in order is told to; everything else just ends.
  if (!process.emit('SIGTERM')) process.exit(0);
});

process.exitCode = await runCli({
  argv: process.argv.slice(2),
  env: environment(),
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
});
