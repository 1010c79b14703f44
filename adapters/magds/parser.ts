import type { PgQueryInstance } from 'libpg-query/wasm/libpg-query.js';
import { MagError } from '../../kernel/errors.ts';
import { isTreeNode, type TreeNode } from './syntax-tree.ts';
import { hasRowAssignment } from './tokens.ts';

/** Longest statement that is parsed, in bytes of UTF-8. */
export const MAX_SQL_BYTES = 65_536;

/** The real Postgres parser, as WebAssembly. */
export interface SqlParser {
  /**
   * The statements of a text, each as its raw parse tree: `{ SelectStmt: { … } }`.
   * @throws `E_SQL_SYNTAX` with the position, `E_SQL_FORBIDDEN` for a text no parser should be given
   */
  parse(sql: string, maxBytes?: number): Promise<readonly TreeNode[]>;
}

/** Loads the parser. Its memory is about 20 MB; make one for the host. */
export async function createSqlParser(): Promise<SqlParser> {
  const { default: createInstance } = await import('libpg-query/wasm/libpg-query.js');
  let instance = createInstance();
  await instance;
  return {
    async parse(sql, maxBytes = MAX_SQL_BYTES) {
      refuseUnsafeText(sql, maxBytes);
      const current = await instance;
      try {
        return parseWith(current, sql);
      } catch (thrown) {
        if (thrown instanceof MagError) throw thrown;
        // A trap leaves the memory and stack of the instance in an unknown state: it is never used again.
        // Statements that waited for the same instance may have replaced it already.
        const fresh = createInstance();
        fresh.catch(() => undefined);
        instance = fresh;
        throw new MagError('E_SQL_FORBIDDEN', 'The statement is nested too deeply.', { cause: thrown });
      }
    },
  };
}

/** Whatever the parser and the server could read differently never reaches either. */
function refuseUnsafeText(sql: string, maxBytes: number): void {
  if (Buffer.byteLength(sql) > maxBytes) {
    throw new MagError('E_SQL_FORBIDDEN', `A statement is at most ${maxBytes} bytes long.`);
  }
  if (sql.includes('\0')) throw new MagError('E_SQL_FORBIDDEN', 'A statement holds no NUL character.');
  // Half a surrogate pair: the encoders of the parser and of the driver turn it into different bytes.
  if (!sql.isWellFormed()) throw new MagError('E_SQL_FORBIDDEN', 'The statement is not valid Unicode.');
}

function parseWith(instance: PgQueryInstance, sql: string): readonly TreeNode[] {
  // The grammar copies the right side of `(a, b) = (…)` once per column, nested ones exponentially.
  if (/\bset\b/i.test(sql) && hasRowAssignment(scan(instance, sql))) {
    throw new MagError('E_SQL_FORBIDDEN', 'Assign columns one by one: (a, b) = (…) is not available.');
  }
  const outcome = withText(instance, sql, (query) => {
    const result = instance._wasm_parse_query_raw(query);
    if (result === 0) throw new Error('the parser is out of memory');
    const read = readResult(instance, result, sql);
    instance._wasm_free_parse_result(result);
    return read;
  });
  if (outcome instanceof MagError) throw outcome;
  return outcome;
}

/** The C struct is `{ char *tree; char *stderr; PgQueryError *error }`. */
function readResult(instance: PgQueryInstance, result: number, sql: string): readonly TreeNode[] | MagError {
  const error = instance.getValue(result + 8, 'i32');
  if (error !== 0) return syntaxError(instance, error, sql);
  const tree: unknown = JSON.parse(instance.UTF8ToString(instance.getValue(result, 'i32')));
  const entries = isTreeNode(tree) && Array.isArray(tree.stmts) ? tree.stmts : [];
  return entries.flatMap((entry) => (isTreeNode(entry) && isTreeNode(entry.stmt) ? [entry.stmt] : []));
}

/** The server's own text quotes the statement, so only the position is told. */
function syntaxError(instance: PgQueryInstance, error: number, sql: string): MagError {
  const message = instance.UTF8ToString(instance.getValue(error, 'i32'));
  const position = instance.getValue(error + 16, 'i32');
  if (/^(memory exhausted|stack depth limit)/.test(message)) {
    return new MagError('E_SQL_FORBIDDEN', 'The statement is nested too deeply.');
  }
  const line = sql.slice(0, Math.max(0, position - 1)).split('\n').length;
  const where = position > 0 ? ` near character ${position} (line ${line})` : '';
  return new MagError('E_SQL_SYNTAX', `The statement does not parse${where}.`);
}

function scan(instance: PgQueryInstance, sql: string): readonly string[] {
  const text = withText(instance, sql, (query) => {
    const pointer = instance._wasm_scan(query);
    const scanned = instance.UTF8ToString(pointer);
    instance._wasm_free_string(pointer);
    return scanned;
  });
  // Anything but an object is the scanner's error; the parser will refuse the same text with a position.
  if (!text.startsWith('{')) return [];
  const parsed: unknown = JSON.parse(text);
  const tokens = isTreeNode(parsed) && Array.isArray(parsed.tokens) ? parsed.tokens : [];
  return tokens.flatMap((token) =>
    isTreeNode(token) && typeof token.text === 'string' && !/^(--|\/\*)/.test(token.text) ? [token.text] : [],
  );
}

/** Whatever `use` throws is a trap, after which the whole instance is dropped: nothing is freed then. */
function withText<T>(instance: PgQueryInstance, text: string, use: (pointer: number) => T): T {
  const bytes = instance.lengthBytesUTF8(text) + 1;
  const pointer = instance._malloc(bytes);
  instance.stringToUTF8(text, pointer, bytes);
  const value = use(pointer);
  instance._free(pointer);
  return value;
}
