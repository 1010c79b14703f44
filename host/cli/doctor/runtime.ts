import { messageOf } from '../../../kernel/errors.ts';
import { ROOT_DIR } from '../../paths.ts';
import { checkRuntimeFloors } from '../../runtime-floors.ts';
import { type Finding, fail, ok } from './finding.ts';
import { runProgram } from './run-program.ts';

/** The floors the host checks at boot. */
export async function checkVersions(version: string = process.versions.node): Promise<Finding> {
  try {
    checkRuntimeFloors(version);
    return ok('runtime', `Node ${version}`);
  } catch (error) {
    return fail('runtime', messageOf(error), 'run "npm ci", then call it as "npx mag"');
  }
}

// In a process of its own: a prebuilt that does not fit this machine can take the whole process down, and
// neither this program nor the host ever loads it.
const PROBE = `
  const load = require('node:module').createRequire(process.argv[1] + '/package.json');
  const { Isolate } = load('isolated-vm');
  const answer = new Isolate({ memoryLimit: 8 }).createContextSync().evalSync('6 * 7');
  console.log(JSON.stringify({ answer, version: load('isolated-vm/package.json').version }));
`;

/** @param checkout the folder whose `node_modules` is looked into */
export async function checkIsolates(checkout = ROOT_DIR): Promise<Finding> {
  const ran = await runProgram(process.execPath, ['--no-node-snapshot', '-e', PROBE, checkout]);
  const version = ran.code === 0 ? probed(ran.output) : null;
  if (version !== null) return ok('isolates', `isolated-vm ${version} runs`);
  const remedy = 'run "npm ci" on this machine, with Node 24 on linux, macOS or Windows';
  return fail('isolates', `isolated-vm does not run: ${complaint(ran.output)}`, remedy);
}

/** The version the probe reports, if it could run a script in an isolate. */
function probed(output: string): string | null {
  try {
    const said: { answer?: unknown; version?: unknown } = JSON.parse(output);
    return said.answer === 42 && typeof said.version === 'string' ? said.version : null;
  } catch {
    return null;
  }
}

function complaint(output: string): string {
  const lines = output.split('\n');
  return (lines.find((line) => line.includes('Error')) ?? lines.at(-1) ?? '').trim() || 'it was killed';
}
