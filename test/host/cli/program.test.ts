import { describe, expect, it } from 'vitest';
import { createProgram } from '../../../host/cli/program.ts';
import type { Terminal } from '../../../host/cli/terminal.ts';

const { stdin, stdout, stderr } = process;
const terminal: Terminal = { argv: [], env: {}, cwd: '/', stdin, stdout, stderr };

describe('createProgram', () => {
  it('describes every command, with an example', () => {
    for (const command of createProgram(terminal).commands) {
      let help = '';
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
      expect(command.description(), command.name()).not.toBe('');
      expect(help, command.name()).toMatch(new RegExp(`Examples?:\\n {2}\\$ mag ${command.name()}`));
    }
  });

  it('has every command this host offers, and none it does not', () => {
    const names = createProgram(terminal).commands.map((command) => command.name());
    expect(names.toSorted()).toEqual(
      [
        ...['audit:list', 'audit:verify', 'demo', 'doctor', 'event:publish', 'event:tail'],
        ...['event:replay', 'event:subscriptions'],
        ...['dead-letter:list', 'dead-letter:purge', 'dead-letter:redrive'],
        ...['disable', 'enable', 'health', 'install', 'list', 'logs'].map((verb) => `extension:${verb}`),
        ...[
          'attest',
          'dev',
          'new',
          'pack',
          'profile',
          'review',
          'show',
          'sign',
          'rollback',
          'stage',
          'test',
          'uninstall',
          'upgrade',
          'types',
          'upgrade-plan',
          'usage',
          'verify',
        ].map((verb) => `extension:${verb}`),
        ...['extension:publish', 'extension:search', 'registry:add', 'registry:list', 'registry:remove'],
        ...['grant:add', 'grant:list', 'grant:revoke', 'key:generate', 'start', 'status'],
        ...['job:cancel', 'job:list', 'job:retry'],
        'command:list',
        ...['key:create', 'key:list', 'key:rotate'],
        ...['secret:bind', 'secret:list', 'secret:remove', 'secret:set'],
        ...['store:add', 'store:check', 'store:list', 'store:remove'],
        ...['secret-backend:add', 'secret-backend:list', 'secret-backend:remove'],
        ...['backup:create', 'backup:list', 'backup:remove', 'backup:restore'],
        ...['project:create', 'project:list', 'project:remove'],
        ...['operation:cancel', 'operation:retry', 'operation:show'],
        ...['create', 'disable', 'enable', 'list', 'remove', 'show'].map((verb) => `user:${verb}`),
        ...['assign', 'define', 'list', 'remove', 'unassign'].map((verb) => `role:${verb}`),
        ...['session:list', 'session:revoke'],
        ...['token:create', 'token:list', 'token:revoke', 'trust:add', 'trust:list', 'trust:remove'],
        ...[
          'revocation:distrust',
          'revocation:import',
          'revocation:list',
          'revocation:make',
          'revocation:sign',
        ],
        ...['revocation:trust'],
        ...['trust:add-reviewer', 'trust:remove-reviewer', 'trust:require'],
      ].toSorted(),
    );
  });
});
