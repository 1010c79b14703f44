import { attack } from '../harness.ts';

export default attack({
  name: 'a module that imports Node',
  top: 'import { readFileSync } from "node:fs";',
  handler: 'async () => ({ body: readFileSync(OUTSIDE.file, "utf8") })',
  expect: { install: 'E_EXTENSION' },
});
