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
        ...['disable', 'enable', 'health', 'install', 'list', 'logs'].map((verb) => `extension:${verb}`),
        ...[
          'dev',
          'new',
          'pack',
          'profile',
          'show',
          'sign',
          'rollback',
          'stage',
          'uninstall',
          'upgrade',
          'upgrade-plan',
          'verify',
        ].map((verb) => `extension:${verb}`),
        ...['grant:add', 'grant:list', 'grant:revoke', 'key:generate', 'start', 'status'],
        ...['token:create', 'token:list', 'token:revoke', 'trust:add', 'trust:list', 'trust:remove'],
      ].toSorted(),
    );
  });
});
