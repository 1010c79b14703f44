import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { askFor, confirm } from '../../../host/cli/confirm.ts';
import { createSession } from '../../../host/cli/session.ts';
import type { Terminal } from '../../../host/cli/terminal.ts';
import { UsageError } from '../../../host/cli/usage-error.ts';

/** What a person at a terminal typed. */
function typed(text: string, isTTY = true) {
  const stdin = Object.assign(new PassThrough(), { isTTY });
  const stderr = new PassThrough();
  stdin.end(text);
  const { stdout } = process;
  const streams = { stdin, stderr, stdout } as unknown as Pick<Terminal, 'stdin' | 'stdout' | 'stderr'>;
  const terminal: Terminal = { argv: [], env: {}, cwd: '/', ...streams };
  return { terminal, asked: () => String(stderr.read() ?? '') };
}

describe('confirm', () => {
  it.each(['y', 'Y', 'yes', ' YES '])('takes %j for a yes, asked on stderr', async (answer) => {
    const { terminal, asked } = typed(`${answer}\n`);
    await expect(confirm(createSession(terminal, {}), 'Go on?')).resolves.toBeUndefined();
    expect(asked()).toContain('Go on?');
  });

  it.each(['', 'n', 'no', 'yess', 'all'])('takes %j for a no', async (answer) => {
    const { terminal } = typed(`${answer}\n`);
    const asked = confirm(createSession(terminal, {}), 'Go on?');
    await expect(asked).rejects.toMatchObject({ code: 'E_APPROVAL' });
  });

  it('takes leaving for a no', async () => {
    const asked = confirm(createSession(typed('').terminal, {}), 'Go on?');
    await expect(asked).rejects.toMatchObject({ code: 'E_APPROVAL' });
  });

  it('does not ask with --yes', async () => {
    const { terminal, asked } = typed('');
    await confirm(createSession(terminal, { yes: true }), 'Go on?');
    expect(asked()).toBe('');
  });

  it('never takes a pipe for a person', async () => {
    const { terminal } = typed('y\n', false);
    await expect(confirm(createSession(terminal, {}), 'Go on?')).rejects.toBeInstanceOf(UsageError);
  });
});

describe('askFor', () => {
  it('takes a line from a person, or what an empty one stands for', async () => {
    const said = (text: string) =>
      askFor(createSession(typed(text).terminal, {}), 'Its template', 'endpoint');
    expect([await said(' hook \n'), await said('\n')]).toEqual(['hook', 'endpoint']);
  });

  it('never asks a pipe', async () => {
    const asked = askFor(createSession(typed('hook\n', false).terminal, {}), 'Its template');
    await expect(asked).rejects.toBeInstanceOf(UsageError);
  });
});
