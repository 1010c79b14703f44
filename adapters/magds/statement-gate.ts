import type { SqlParser } from './parser.ts';
import { ReadingThread } from './reading-thread.ts';
import { createSqlGate, type SqlGate } from './sql-gate.ts';

/** Characters of a statement that is read where it is: the worst of that length takes some ten milliseconds. */
const SHORT_CHARS = 4_096;

/** Reads short statements at once, long ones on a thread of their own. */
export function createStatementGate(parser: SqlParser): SqlGate & AsyncDisposable {
  const here = createSqlGate(parser);
  const thread = new ReadingThread();
  return {
    analyse: (sql, ownSchema) => (sql.length <= SHORT_CHARS ? here : thread).analyse(sql, ownSchema),
    [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
  };
}
