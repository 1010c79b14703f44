import { buildAll } from './build-all.ts';

/** `npm run build:extensions` */
const { runnerPath, packages } = await buildAll();
process.stdout.write(`${[runnerPath, ...packages].join('\n')}\n`);
