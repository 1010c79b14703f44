import { parentPort } from 'node:worker_threads';
import { MagError } from '../../kernel/errors.ts';
import { createAnalysisCache } from './analysis-cache.ts';
import { createSqlParser, MAX_SQL_BYTES } from './parser.ts';
import type { Finding, Question } from './reading-thread.ts';
import { createSqlGate } from './sql-gate.ts';

/** The program of the thread that `ReadingThread` starts. */
const gate = createSqlGate(await createSqlParser(), createAnalysisCache(MAX_SQL_BYTES));

async function read({ id, sql, ownSchema }: Question): Promise<Finding> {
  try {
    return { id, analysis: await gate.analyse(sql, ownSchema) };
  } catch (thrown) {
    if (thrown instanceof MagError) return { id, code: thrown.code, message: thrown.message };
    return { id, fault: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) };
  }
}

parentPort?.on('message', (question: Question) => {
  void read(question).then((finding) => parentPort?.postMessage(finding));
});
