import './compile-cache.ts';

const { MagError } = await import('../kernel/errors.ts');
const { environment, loadConfig } = await import('./config.ts');
const { runHost } = await import('./run-host.ts');

/** `npm start` */
let config: ReturnType<typeof loadConfig>;
try {
  config = loadConfig(environment(), process.cwd());
} catch (failure) {
  process.stderr.write(
    `error ${failure instanceof MagError ? `${failure.code}: ${failure.message}` : String(failure)}\n`,
  );
  process.exit(1);
}
await runHost(config);
