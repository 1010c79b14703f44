import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import { TEMPLATES } from '../../../host/packaging/templates/template.ts';
import { installTools, runTool } from '../../support/project-tools.ts';
import { type Folder, mag, temporaryFolder } from './mag-process.ts';

/** A host of its own, a compiler and a linter for each template. */
const PATIENCE_MS = 600_000;

let folder: Folder;
const at = (name: string) => join(folder.path, name);
const run = (...args: string[]) => mag(args, { cwd: folder.path, deadlineMs: PATIENCE_MS });
const test = (...args: string[]) => run('extension:test', ...args, '--database', inject('postgres').url);

beforeAll(async () => {
  folder = await temporaryFolder();
  await chmod(folder.path, 0o711);
});
afterAll(() => folder[Symbol.asyncDispose]());

describe('what extension:new makes', () => {
  it.for(TEMPLATES.map((template) => [template] as const))(
    'of the template %s passes its own checks and tests, and packs, untouched',
    { timeout: PATIENCE_MS },
    async ([template]) => {
      await run('extension:new', 'acme-2/my-hello', '--template', template, '--dir', template, '--yes');
      await installTools(at(template));
      expect(await runTool(at(template), 'tsc')).toBe('');
      expect(await runTool(at(template), 'biome', 'check', '--error-on-warnings')).not.toContain('failed');
      const { exitCode, stdout } = await test(template, '--output', 'json');
      const { testResults } = JSON.parse(stdout);
      const files = testResults.map(({ name, status }: { name: string; status: string }) => [
        name.slice(at(template).length),
        status,
      ]);
      expect(files.sort()).toEqual([
        ['/test/sandbox.test.ts', 'passed'],
        ['/test/unit.test.ts', 'passed'],
      ]);
      expect(exitCode).toBe(0);
      expect((await run('extension:pack', template)).exitCode).toBe(0);
    },
  );

  it('brings a workflow whose commands exist, and that has an identity only where it signs', async () => {
    const { jobs, on } = parse(await readFile(at('endpoint/.github/workflows/ci.yml'), 'utf8'));
    // The ref is part of the identity that hosts match exactly: it must be the same for each release.
    expect(on).toEqual({ push: { branches: ['main'] }, pull_request: null, workflow_dispatch: null });
    expect(jobs.sign.if).toBe("github.event_name == 'workflow_dispatch' && github.ref == 'refs/heads/main'");
    expect(jobs.test.permissions).toBeUndefined();
    expect(jobs.sign.permissions).toEqual({
      contents: 'read',
      'id-token': 'write',
      attestations: 'write',
    });
    const commands = [...jobs.test.steps, ...jobs.sign.steps].map(({ run: line }) => line ?? '');
    const verbs = commands.flatMap((line: string) => /^mag (\S+)/.exec(line)?.[1] ?? []);
    expect(verbs).toEqual(['extension:pack', 'extension:sign']);
    const { scripts } = JSON.parse(await readFile(at('endpoint/package.json'), 'utf8'));
    for (const script of ['check', 'test']) {
      expect(Object.keys(scripts)).toContain(script);
      expect(commands.join('\n')).toMatch(new RegExp(`npm (run )?${script}\\b`));
    }
    // Nothing of the project but its package gets to where the identity is.
    const inProject = jobs.sign.steps.filter(
      (step: object) => 'run' in step && !('working-directory' in step),
    );
    expect(inProject.map(({ run: line }: { run: string }) => line)).toEqual([
      'mag extension:sign extension.mag --keyless',
      '(cat "$BUNDLE"; echo) >> extension.mag.intoto.jsonl',
    ]);
    const provenance = jobs.sign.steps.find(({ id }: { id?: string }) => id === 'provenance');
    expect(provenance).toMatchObject({
      uses: expect.stringMatching(/^actions\/attest-build-provenance@/),
      with: { 'subject-path': 'extension.mag' },
    });
  });
});

describe('extension:test', () => {
  it('ends with 1 when a test fails, and runs the files it is told to', async () => {
    await writeFile(
      at('endpoint/test/wrong.test.ts'),
      "import { expect, it } from 'vitest';\nit('x', () => expect(1).toBe(2));\n",
    );
    const { exitCode, stdout } = await test('endpoint', 'wrong');
    expect([exitCode, stdout]).toEqual([1, expect.stringContaining('1 failed')]);
    expect(stdout).not.toContain('unit.test.ts');
    const json = await test('endpoint', 'wrong', '--output', 'json');
    expect(json.exitCode).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ success: false, numFailedTests: 1 });
    await rm(at('endpoint/test/wrong.test.ts'));
  });

  it('says what is missing in a project without vitest', async () => {
    await rm(at('hook/node_modules/vitest'));
    const { exitCode, stderr } = await test('hook');
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/error E_NOT_FOUND: .*npm install/)]);
  });

  it('does not watch for a program that reads', async () => {
    expect((await test('endpoint', '--watch', '--output', 'json')).exitCode).toBe(2);
    expect((await test('endpoint', '--output', 'yaml')).exitCode).toBe(2);
  });
});

describe('extension:new', () => {
  it('needs an id where there is nobody to ask', async () => {
    const { exitCode, stderr } = await run('extension:new');
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('acme/hello')]);
  });
});
