import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Folder, mag, temporaryFolder } from './mag-process.ts';

let folder: Folder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

const run = (...args: string[]) => mag(args, { cwd: folder.path });

describe('mag, called wrongly', () => {
  it.each([
    [['extension:instal', 'x'], 'extension:install'],
    [['grant:remove', 'x', 'y'], 'grant:revoke'],
    [['frobnicate'], 'mag'],
  ])('names the nearest command for %j', async (args, nearest) => {
    const { exitCode, stdout, stderr } = await run(...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('error E_USAGE');
    expect(stderr).toContain(nearest);
  });

  it.each([
    ['a missing argument', ['extension:show']],
    ['an unknown option', ['extension:list', '--frob']],
    ['an argument too many', ['extension:list', 'more']],
    ['a missing option', ['trust:add', 'acme']],
    ['an id that is none', ['extension:show', 'Not An Id']],
    ['a range that is none', ['extension:install', 'acme/hello@soon', '--yes']],
    ['a format that is none', ['extension:list', '--output', 'xml']],
    ['a count that is none', ['audit:list', '--limit', '0']],
    ['an address that is none', ['status', '--url', 'nowhere']],
    ['a template that is none', ['extension:new', 'acme/hello', '--template', 'frob', '--yes']],
    ['a question without a terminal', ['extension:install', 'acme/hello']],
  ])('ends with 2 for %s', async (_what, args) => {
    const { exitCode, stdout, stderr } = await run(...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('error E_USAGE');
  });

  it.each([
    [['nonsense', '--output', 'json']],
    [['extension:show', '--output=json']],
    [['-o', 'json', 'extension:show', 'Not An Id']],
    [['extension:show', 'Not An Id', '-yo', 'json']],
    [['extension:show', 'Not An Id', '-yojson']],
    [['--output', 'json']],
  ])('says so in JSON for %j', async (args) => {
    const { exitCode, stdout } = await run(...args);
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'E_USAGE', detail: expect.any(String) } });
  });
});

describe('mag --help', () => {
  it('is no error', async () => {
    const { exitCode, stdout, stderr } = await run('--help');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain('extension:install');
  });

  it.each(['extension:profile', 'extension:review'])(
    'of %s says each default once, in words',
    async (name) => {
      const { stdout } = await run(name, '--help');
      expect(stdout).toContain('(default: ');
      expect(stdout).not.toContain('[])');
    },
  );

  it('is an error, on stderr, without a command', async () => {
    const { exitCode, stdout, stderr } = await run();
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('Usage');
  });
});
