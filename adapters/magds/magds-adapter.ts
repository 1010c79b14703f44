import type { ComponentAdapter, ComponentEvent, HookContext, HookRegistrar } from '../../kernel/adapter.ts';
import { ALLOW, type Decision, type Demand } from '../../kernel/capability/gate.ts';
import { MagError } from '../../kernel/errors.ts';
import { eventContextOf } from '../../kernel/events/event-context.ts';
import type { Caller, ExtensionData, Logger, Transactions } from '../../kernel/ports.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { CALLS } from '../../manifests/protocol/calls.ts';
import { createExtensionConnections, type ExtensionConnections } from './extension-connections.ts';
import { createExtensionData, type MigrationWatch } from './extension-data.ts';
import { forbidden } from './forbidden.ts';
import { type MagdsHooks, registerMagdsHooks } from './hooks.ts';
import { type HostConnection, type HostSession, openHostConnection } from './host-connection.ts';
import { schemaName } from './names.ts';
import { createSqlParser, type SqlParser } from './parser.ts';
import { type ProjectDatabases, projectCall } from './project-databases.ts';
import { runQuery } from './query.ts';
import { type QueryParams, readQueryParams } from './query-params.ts';
import type { QueryResult } from './result-reader.ts';
import type { Analysis, SqlGate } from './sql-gate.ts';
import { createStatementGate } from './statement-gate.ts';
import { ExtensionTransaction, type HostSide } from './transaction.ts';
import { createTransactions } from './transactions.ts';

export interface MagdsOptions {
  /** The host's own account on the database that extensions live in. Never logged. */
  readonly url: string;
  readonly logger: Logger;
  readonly session?: HostSession;
  readonly side: HostSide;
}

/** The adapter of Postgres: what extensions query, and what they own there. */
export interface MagdsAdapter extends ComponentAdapter, AsyncDisposable {
  readonly data: ExtensionData;
  readonly transactions: Transactions;
  /** The hook points, for the component. @throws `E_INTERNAL` before `registerHooks` */
  hooks(): MagdsHooks;
  /** What does the host calls that are about databases themselves. */
  serve(databases: ProjectDatabases): void;
}

/** Connects as the host and loads the parser. @throws `E_CONFIG` when the database does not answer */
export async function createMagdsAdapter(options: MagdsOptions): Promise<MagdsAdapter> {
  const { url, logger, session, side } = options;
  const parser = await createSqlParser();
  return new Magds(await openHostConnection(url, logger, session), parser, logger, side);
}

class Magds implements MagdsAdapter {
  readonly component = 'magds';
  readonly data: ExtensionData;
  readonly transactions: Transactions;
  readonly #host: HostConnection;
  readonly #gate: SqlGate & AsyncDisposable;
  readonly #connections: ExtensionConnections;
  readonly #logger: Logger;
  #registrar: HookRegistrar | null = null;
  #hooks: MagdsHooks | null = null;
  #databases: ProjectDatabases | null = null;
  #disposed: Promise<void> | null = null;

  constructor(host: HostConnection, parser: SqlParser, logger: Logger, side: HostSide) {
    this.#host = host;
    this.#logger = logger;
    this.#gate = createStatementGate(parser);
    this.#connections = createExtensionConnections(host, logger, (extension, code) => {
      void this.#tell({ type: 'database.connection.failed', data: { extension, code } });
    });
    this.transactions = createTransactions({ host, connections: this.#connections, side });
    this.data = createExtensionData({
      host,
      parser,
      logger,
      release: (extension) => this.#connections.release(extension),
      watch: this.#watch(),
    });
  }

  registerHooks(kernel: HookRegistrar): void {
    this.#hooks = registerMagdsHooks(kernel);
    this.#registrar = kernel;
  }

  hooks(): MagdsHooks {
    if (this.#hooks !== null) return this.#hooks;
    throw new MagError('E_INTERNAL', 'The database adapter is used before it was registered.');
  }

  serve(databases: ProjectDatabases): void {
    this.#databases = databases;
  }

  /** Migrations of extensions; nobody in particular asked for them: they are a step of an operation. */
  #watch(): MigrationWatch {
    const main = { project: 'default', database: 'main' };
    const nobody = { request: null };
    return {
      before: async (extension, migrations) =>
        this.#hooks?.beforeMigration.ask({ ...main, extension, migrations: [...migrations] }, nobody),
      after: async (extension, migration, direction) => {
        this.#hooks?.afterMigration.tell({ ...main, extension, migration, direction }, nobody);
        await this.#tell({ type: 'database.migration.applied', data: { extension, migration, direction } });
      },
    };
  }

  async demands(hook: string, params: Json, extension: ExtensionId): Promise<readonly Demand[]> {
    requireQuery(hook);
    const { demands } = await this.#gate.analyse(readQueryParams(params).sql, schemaName(extension));
    return demands;
  }

  async executeHook(hook: string, { caller, params }: HookContext): Promise<Json> {
    const call = this.#databases === null ? null : projectCall(this.#databases, hook);
    if (call !== null) return call(caller, params);
    requireQuery(hook);
    const query = readQueryParams(params);
    const { extension, request } = caller;
    const analysis = await this.#gate.analyse(query.sql, schemaName(extension));
    const startedAt = performance.now();
    const { rows, rowCount } = await this.#run(caller, query, analysis);
    await this.#tell({
      type: 'database.query.executed',
      data: {
        extension,
        command: analysis.command,
        duration_ms: Math.round((performance.now() - startedAt) * 1000) / 1000,
        rows_returned: rows.length,
      },
      ...(request === null ? {} : { context: eventContextOf(request) }),
    });
    return { rows, rowCount };
  }

  async #run(caller: Caller, query: QueryParams, analysis: Analysis): Promise<QueryResult> {
    const { extension, request, signal } = caller;
    const { sql, params } = query;
    const { deadlineMs } = CALLS['db.query'];
    const transaction = await caller.transaction(query.transaction);
    if (transaction === null) {
      const tenantId = request?.tenantId ?? null;
      const one = { extension, analysis, sql, params, tenantId, deadlineMs, signal };
      return runQuery(this.#host, this.#connections, one);
    }
    // It would run on a connection of the host, with the rights of the table's owner.
    if (analysis.foreignTable !== null)
      throw forbidden('A table outside of your own schema is not changed in a transaction.');
    if (transaction instanceof ExtensionTransaction)
      return transaction.query(sql, params, signal, deadlineMs);
    throw new MagError('E_INTERNAL', 'The transaction is none of this component.');
  }

  /** Whatever the gate allows, this component can do. */
  validateCapability(): Decision {
    return ALLOW;
  }

  async emitEvent(event: ComponentEvent): Promise<void> {
    if (this.#registrar === null) throw new MagError('E_STATE', 'The adapter is not attached to a kernel.');
    await this.#registrar.publish('magds', event);
  }

  /** Ends every connection. Idempotent. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#close();
    return this.#disposed;
  }

  async #close(): Promise<void> {
    await this.#gate[Symbol.asyncDispose]();
    await this.#connections[Symbol.asyncDispose]();
    await this.#host.pool.end();
  }

  /** The work is done and cannot be undone: an event that cannot be published does not fail it. */
  async #tell(event: ComponentEvent): Promise<void> {
    if (this.#registrar === null) return;
    await this.emitEvent(event).catch((error: unknown) =>
      this.#logger.error({ err: error, type: event.type }, 'an event of the database was not published'),
    );
  }
}

function requireQuery(hook: string): void {
  if (hook !== 'execute_query') throw new MagError('E_INTERNAL', `The database component has no ${hook}.`);
}
