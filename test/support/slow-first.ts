import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { ROOT_DIR } from '../../host/paths.ts';

/** Folders whose files take longest, the longest first: a long file that begins last keeps one worker waiting. */
const SLOW = [
  'test/docs/',
  'test/deploy/',
  'test/chaos/',
  'test/durability/',
  'test/sandbox/',
  'test/host/cli/',
  'test/host/e2e/',
  'test/kernel/sandbox/',
];

/** Begins with what takes long; within a folder as Vitest has it, which knows the last run. */
export default class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const path = relative(ROOT_DIR, moduleId);
  const place = SLOW.findIndex((folder) => path.startsWith(folder));
  return place < 0 ? SLOW.length : place;
}
