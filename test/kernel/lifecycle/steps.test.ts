import { beforeEach, describe, expect, it } from 'vitest';
import { MagError } from '../../../kernel/errors.ts';
import { type Journal, NotUndone, runSteps, type Step, undoSteps } from '../../../kernel/lifecycle/steps.ts';

describe('runSteps', () => {
  let done: string[];
  let written: string[];
  const journal: Journal = {
    step: async (name, state, _detail, next) => {
      written.push(`${name} ${state}${next === undefined ? '' : `, ${next} running`}`);
      return false;
    },
  };
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

  it('writes each step before it starts and after it ended, the end of one with the start of the next', async () => {
    await runSteps([step('a'), step('b')], journal);
    expect(written).toEqual(['a running', 'a done, b running', 'b done']);
  });

  it('undoes the failed step and all before it, newest first, and nothing after it', async () => {
    const failure = new MagError('E_HEALTH', 'no answer');
    await expect(runSteps([step('a'), step('b', failure), step('c')], journal)).rejects.toBe(failure);
    expect(done).toEqual(['run a', 'run b', 'undo b', 'undo a']);
    expect(written).toEqual(['a running', 'a done, b running', 'b failed', 'b undone', 'a undone']);
  });

  it('starts nothing that it could not write down', async () => {
    const broken: Journal = { step: () => Promise.reject(new MagError('E_STORAGE', 'gone')) };
    await expect(runSteps([step('a')], broken)).rejects.toMatchObject({ code: 'E_STORAGE' });
    expect(done).toEqual([]);
  });

  it('undoes what ran when the next step cannot be written down', async () => {
    const broken: Journal = {
      step: async (_name, _state, _detail, next) => {
        if (next === 'b') throw new MagError('E_STORAGE', 'gone');
        return false;
      },
    };
    await expect(runSteps([step('a'), step('b')], broken)).rejects.toMatchObject({ code: 'E_STORAGE' });
    expect(done).toEqual(['run a', 'undo a']);
  });

  it('undoes what failed where not even that can be written down', async () => {
    let isAway = false;
    const broken: Journal = {
      step: async () => {
        if (isAway) throw new MagError('E_STORAGE', 'gone');
        return false;
      },
    };
    const failing = step('b', new MagError('E_HEALTH', 'no answer'));
    const last: Step = {
      ...failing,
      run: () => {
        isAway = true;
        return failing.run();
      },
    };
    await expect(runSteps([step('a'), last], broken)).rejects.toMatchObject({ code: 'E_HEALTH' });
    expect(done).toEqual(['run a', 'run b', 'undo b', 'undo a']);
  });

  it('undoes the others when one cannot be undone, and says so', async () => {
    const stuck = { ...step('b'), undo: () => Promise.reject(new MagError('E_STORAGE', 'gone')) };
    const failure = await undoSteps([step('a'), stuck], journal).catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(NotUndone);
    expect(failure).toMatchObject({ code: 'E_STORAGE' });
    expect(done).toEqual(['undo a']);
    expect(written).toEqual(['b failed', 'a undone']);
  });
});

it('a cancelled operation is undone before its next step, until one that is final', async () => {
  const done: string[] = [];
  const step = (name: string): Step => ({
    name,
    run: async () => done.push(`run ${name}`),
    undo: async () => void done.push(`undo ${name}`),
  });
  const asked: Journal = { step: async () => true };
  const failure = await runSteps([step('a')], asked).catch((thrown: unknown) => thrown);
  expect(failure).toMatchObject({ code: 'E_CANCELLED' });
  expect(done.splice(0)).toEqual(['undo a']);
  await runSteps([{ ...step('b'), final: true }, step('c')], asked);
  expect(done).toEqual(['run b', 'run c']);
});
