import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { publishExample } from '../../support/example.ts';
import { TestHost } from '../../support/host.ts';
import { runMag } from '../../support/mag-in-process.ts';

const HOSTILE = {
  manifest: {
    name: 'shell',
    capabilities: [
      { name: 'cli.register_command', reason: 'Adds commands.' },
      { name: 'auth.modify_roles', reason: 'Says what readers may.' },
    ],
    contributes: {
      roles: [{ name: 'reader', description: 'Reads.', permissions: ['read'] }],
      commands: [
        { name: 'whoami', description: 'who \u001b[2Jcalls' },
        { name: 'owners', description: 'for owners', auth: 'owner' },
        { name: 'readers', description: 'for who may read', auth: 'permission:read' },
        { name: 'paint', description: 'steers the terminal' },
        { name: 'huge', description: 'says more than anybody reads' },
        { name: 'wrong', description: 'answers with nonsense' },
        { name: 'rogue', description: 'asks for what it never declared' },
        {
          name: 'typed',
          description: 'takes every type',
          args: [
            { name: 'first', type: 'integer' },
            { name: 'rest', type: 'number', required: false, variadic: true },
          ],
          options: [
            { name: 'dry-run', type: 'boolean' },
            { name: 'level', short: 'l', choices: ['low', 'high'] },
            { name: 'must', required: true },
          ],
        },
      ],
      help: [{ command: 'extension:install', text: 'Ask \u001b[31mus first.\nAlways.' }],
    },
  },
  code: `export default { commands: {
    whoami: (_, ctx) => ({ data: { tenant: ctx.request.tenantId, name: ctx.request.principal.name } }),
    owners: () => ({ text: 'yes' }),
    readers: () => ({ text: 'read' }),
    paint: () => ({ text: 'a\\u001b[2J\\u0007b\\r\\nc\\u202ed', data: { x: '\\u009b31m' } }),
    huge: () => ({ text: 'x'.repeat(2000000) }),
    wrong: () => ({ text: 7 }),
    rogue: (_, ctx) => ctx.db.query('select 1'),
    typed: ({ args, options }) => ({ data: { args, options } }),
  } };`,
};

describe('commands of extensions', () => {
  let host: TestHost;
  let author: Author;
  let example: Author;
  const tokens = new Map<string, string>();

  beforeAll(async () => {
    [host, author, example] = await Promise.all([
      TestHost.start(),
      Author.create('acme'),
      Author.create('example'),
    ]);
    await host.trust(author);
    await host.trust(example);
    await host.run(await author.publish(HOSTILE));
    await host.run(await publishExample('tally', example, host));
    for (const tenant of ['t_acme', 't_system']) {
      const body = { name: `user of ${tenant}`, role: 'user', tenant };
      tokens.set(tenant, (await host.ask('POST', '/v1/tokens', { body })).body.token);
    }
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
    await example[Symbol.asyncDispose]();
  });

  const magAs = (token: string, stdin: string | undefined, ...argv: string[]) =>
    runMag(argv, {
      env: { MAG_URL: host.url, MAG_TOKEN: token },
      cwd: host.dataDir,
      ...(stdin === undefined ? {} : { stdin }),
    });
  const mag = (...argv: string[]) => magAs(host.token, undefined, ...argv);

  it('run in the sandbox with what is typed and piped in', async () => {
    expect((await magAs(host.token, 'one two\nthree', 'example/tally:count')).stdout).toBe('3 words\n');
    expect((await mag('example/tally:count', '-u', 'characters', 'Hello')).stdout).toBe('5 characters\n');
    const json = await mag('example/tally:count', 'a', 'b', '--output', 'json');
    expect(JSON.parse(json.stdout)).toEqual({ unit: 'words', count: 2 });
    const over = await mag('example/tally:count', 'a', 'b', '--at-most', '1');
    expect([over.exitCode, over.stdout]).toEqual([1, '2 words, more than 1\n']);
  });

  it('are given what the manifest says, in its types', async () => {
    const good = await mag(
      'acme/shell:typed',
      '3',
      '1.5',
      '-2',
      '--dry-run',
      '-l',
      'high',
      '--must',
      'x',
      '-o',
      'json',
    );
    expect(JSON.parse(good.stdout)).toEqual({
      args: { first: 3, rest: [1.5, -2] },
      options: { 'dry-run': true, level: 'high', must: 'x' },
    });
    for (const wrong of [
      ['x', '--must', 'y'],
      ['1'],
      ['1', '--must', 'x', '-l', 'no'],
      ['1.5', '--must', 'x'],
      [],
    ]) {
      const { exitCode, stderr } = await mag('acme/shell:typed', ...wrong);
      expect([wrong, exitCode, stderr]).toEqual([wrong, 2, expect.stringContaining('E_USAGE')]);
    }
    // Past the command line, the host itself checks.
    const path = '/v1/commands/acme/shell/typed';
    for (const body of [
      {},
      { args: { first: 'x' } },
      { args: { first: 1, more: 1 }, options: { must: 'x' } },
    ])
      expect((await host.ask('POST', path, { body })).body.code).toBe('E_PARAMS');
  });

  it('act for whoever calls, in its tenant, and are put on record', async () => {
    const { stdout } = await magAs(tokens.get('t_acme') ?? '', undefined, 'acme/shell:whoami', '-o', 'json');
    expect(JSON.parse(stdout)).toEqual({ tenant: 't_acme', name: 'user of t_acme' });
    const { body } = await host.ask('GET', '/v1/audit?action=command.run&limit=1');
    expect(body.records[0]).toMatchObject({ tenant: 't_acme', target: 'acme/shell:whoami', outcome: 'ok' });
  });

  it('are for the roles they name', async () => {
    const token = tokens.get('t_system') ?? '';
    expect((await host.ask('POST', '/v1/commands/acme/shell/owners', { token, body: {} })).body.code).toBe(
      'E_FORBIDDEN',
    );
    const listed = await host.ask('GET', '/v1/commands', { token });
    expect(listed.body.commands.map(({ name }: { name: string }) => name)).not.toContain('owners');
    expect((await mag('acme/shell:owners')).stdout).toBe('yes\n');
    expect((await host.ask('GET', '/v1/commands', { token: null })).body.code).toBe('E_AUTH_REQUIRED');
  });

  it('are for the roles that have the permission they name', async () => {
    const reader = { name: 'Grace', role: 'reader', tenant: 't_system' };
    const { token } = (await host.ask('POST', '/v1/tokens', { body: reader })).body;
    const read = (as: string) => host.ask('POST', '/v1/commands/acme/shell/readers', { token: as, body: {} });
    expect((await read(token)).body).toMatchObject({ text: 'read' });
    expect((await read(tokens.get('t_system') ?? '')).body.code).toBe('E_FORBIDDEN');
  });

  it('cannot steer a terminal', async () => {
    expect((await mag('acme/shell:paint')).stdout).toBe('a[2Jb\ncd\n');
    expect((await mag('acme/shell:paint', '-o', 'json')).stdout).toContain('\\u009b31m');
    expect((await mag('command:list')).stdout).toContain('who [2Jcalls');
  });

  it.each([
    ['huge', 'E_LIMIT_OUTPUT'],
    ['wrong', 'E_EXTENSION'],
    ['absent', 'E_NOT_FOUND'],
  ])('%s ends with %s', async (name, code) => {
    const { exitCode, stderr } = await mag(`acme/shell:${name}`);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(code)]);
  });

  it('are not mistaken for ours, nor ours for theirs', async () => {
    const { exitCode, stderr } = await mag('shell:whoami');
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('unknown command')]);
    const words = await mag('example/tally:count', 'extension:install', 'acme/shell:paint');
    expect(words.stdout).toBe('2 words\n');
  });

  it('show in help, and add to that of ours', async () => {
    const own = await mag('example/tally:count', '--help');
    expect(own.exitCode).toBe(0);
    expect(own.stdout).toContain('-u, --unit');
    const ours = await mag('extension:install', '--help');
    expect(ours.stdout).toContain('From acme/shell:\n  Ask [31mus first.\n  Always.');
    const without = await runMag(['extension:install', '--help'], {
      env: { MAG_URL: 'http://127.0.0.1:9' },
      cwd: host.dataDir,
    });
    expect([without.exitCode, without.stdout.includes('From acme/shell')]).toEqual([0, false]);
  });

  it('write the answers of any command in their format', async () => {
    const { stdout, exitCode } = await mag('token:list', '--output', 'example/tally:csv');
    expect(exitCode).toBe(0);
    expect(stdout.split('\n')[0]).toContain('name');
    expect(stdout).toContain('user of t_acme');
    const absent = await mag('token:list', '-o', 'example/tally:xml');
    expect([absent.exitCode, absent.stderr]).toEqual([1, expect.stringContaining('E_NOT_FOUND')]);
    const refused = await mag('extension:show', 'acme/nobody', '-o', 'example/tally:csv');
    expect([refused.exitCode, refused.stdout, refused.stderr]).toEqual([
      1,
      '',
      expect.stringContaining('E_NOT_FOUND'),
    ]);
  });

  it('go with their capability', async () => {
    const grant = '/v1/extensions/example/tally/grants/cli.register_command';
    await host.ask('DELETE', grant);
    const { exitCode, stderr } = await mag('example/tally:count', 'a');
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('E_CAP_REVOKED')]);
    await host.ask('PUT', grant, { body: {} });
    expect((await mag('example/tally:count', 'a')).exitCode).toBe(0);
  });

  it('end the extension when they ask for what it never declared', async () => {
    const { exitCode, stderr } = await mag('acme/shell:rogue');
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('E_CAP_UNDECLARED')]);
    expect((await host.show('acme/shell')).state).toBe('quarantined');
    expect((await mag('acme/shell:whoami')).stderr).toContain('E_NOT_FOUND');
  });
});
