// Prints the files whose tests failed, a line each, as the JSON report of Vitest has them. Nothing where no test failed.
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';

const { testResults } = JSON.parse(await readFile(process.argv[2], 'utf8'));
const red = testResults.filter(({ status }) => status === 'failed');
for (const { name } of red) console.log(relative(process.cwd(), name));
