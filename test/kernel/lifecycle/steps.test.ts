import { beforeEach, describe, expect, it } from 'vitest';
import { MagError } from '../../../kernel/errors.ts';
import { type Journal, runSteps, type Step, undoSteps } from '../../../kernel/lifecycle/steps.ts';

describe('runSteps', () => {
  let done: string[];
  let written: string[];
  const journal: Journal = { step: async (name, state) => void written.push(`${name} ${state}`) };
  const step = (name: string, fails?: Error): Step => ({
    name,
    run: async () => {
      done.push(`run ${name}`);
      if (fails) throw fails;
    },
    undo: async () => void done.push(`undo ${name}`),
  });

  beforeEach(() => {
    done = [];
    written = [];
  });

  it('writes each step before it starts and after it ended', async () => {
    await runSteps([step('a'), step('b')], journal);
    expect(written).toEqual(['a running', 'a done', 'b running', 'b done']);
  });

  it('undoes the failed step and all before it, newest first, and nothing after it', async () => {
    const failure = new MagError('E_HEALTH', 'no answer');
    await expect(runSteps([step('a'), step('b', failure), step('c')], journal)).rejects.toBe(failure);
    expect(done).toEqual(['run a', 'run b', 'undo b', 'undo a']);
    expect(written).toEqual(['a running', 'a done', 'b running', 'b failed', 'b undone', 'a undone']);
  });

  it('starts nothing that it could not write down', async () => {
    const broken: Journal = { step: () => Promise.reject(new MagError('E_STORAGE', 'gone')) };
    await expect(runSteps([step('a')], broken)).rejects.toMatchObject({ code: 'E_STORAGE' });
    expect(done).toEqual([]);
  });

  it('undoes the others when one cannot be undone, and says so', async () => {
    const stuck = { ...step('b'), undo: () => Promise.reject(new MagError('E_STORAGE', 'gone')) };
    await expect(undoSteps([step('a'), stuck], journal)).rejects.toMatchObject({ code: 'E_STORAGE' });
    expect(done).toEqual(['undo a']);
    expect(written).toEqual(['b failed', 'a undone']);
  });
});
