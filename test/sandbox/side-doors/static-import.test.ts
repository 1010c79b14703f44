import { attack } from '../harness.ts';

attack({
  family: 'side-doors',
  name: 'a module that imports Node',
  top: 'import { readFileSync } from "node:fs";',
  handler: 'async () => ({ body: readFileSync(OUTSIDE.file, "utf8") })',
  expect: { install: 'E_EXTENSION' },
});
