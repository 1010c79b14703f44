import type { ComponentAdapter, ComponentEvent, HookContext, HookRegistrar } from '../../kernel/adapter.ts';
import { ALLOW, type Decision, type Demand } from '../../kernel/capability/gate.ts';
import { MagError } from '../../kernel/errors.ts';
import type { ExtensionData, Logger } from '../../kernel/ports.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { CALLS } from '../../manifests/protocol/calls.ts';
import { createExtensionConnections, type ExtensionConnections } from './extension-connections.ts';
import { createExtensionData } from './extension-data.ts';
import { type HostConnection, openHostConnection } from './host-connection.ts';
import { schemaName } from './names.ts';
import { createSqlParser, type SqlParser } from './parser.ts';
import { runQuery } from './query.ts';
import { readQueryParams } from './query-params.ts';
import { createSqlGate, type SqlGate } from './sql-gate.ts';

export interface MagdsOptions {
  /** The host's own account on the database that extensions live in. Never logged. */
  readonly url: string;
  readonly logger: Logger;
}

/** The adapter of Postgres: what extensions query, and what they own there. */
export interface MagdsAdapter extends ComponentAdapter, AsyncDisposable {
  readonly data: ExtensionData;
}

/** Connects as the host and loads the parser. @throws `E_CONFIG` when the database does not answer */
export async function createMagdsAdapter(options: MagdsOptions): Promise<MagdsAdapter> {
  const parser = await createSqlParser();
  return new Magds(await openHostConnection(options.url, options.logger), parser, options.logger);
}

class Magds implements MagdsAdapter {
  readonly component = 'magds';
  readonly data: ExtensionData;
  readonly #host: HostConnection;
  readonly #gate: SqlGate;
  readonly #connections: ExtensionConnections;
  readonly #logger: Logger;
  #registrar: HookRegistrar | null = null;
  #disposed: Promise<void> | null = null;

  constructor(host: HostConnection, parser: SqlParser, logger: Logger) {
    this.#host = host;
    this.#logger = logger;
    this.#gate = createSqlGate(parser);
    this.#connections = createExtensionConnections(host, logger);
    this.data = createExtensionData({
      host,
      parser,
      logger,
      release: (extension) => this.#connections.release(extension),
      onMigrated: (extension, migration, direction) =>
        this.#tell({ type: 'database.migration.applied', data: { extension, migration, direction } }),
    });
  }

  /** The catalogue has no hook of this component yet. */
  registerHooks(kernel: HookRegistrar): void {
    this.#registrar = kernel;
  }

  async demands(hook: string, params: Json, extension: ExtensionId): Promise<readonly Demand[]> {
    requireQuery(hook);
    const { demands } = await this.#gate.analyse(readQueryParams(params).sql, schemaName(extension));
    return demands;
  }

  async executeHook(hook: string, { caller, params }: HookContext): Promise<Json> {
    requireQuery(hook);
    const { sql, params: values } = readQueryParams(params);
    const { extension, request, signal } = caller;
    const analysis = await this.#gate.analyse(sql, schemaName(extension));
    const startedAt = performance.now();
    const { rows, rowCount } = await runQuery(this.#host, this.#connections, {
      extension,
      analysis,
      sql,
      params: values,
      tenantId: request?.tenantId ?? null,
      deadlineMs: CALLS['db.query'].deadlineMs,
      signal,
    });
    await this.#tell({
      type: 'database.query.executed',
      data: {
        extension,
        command: analysis.command,
        duration_ms: Math.round((performance.now() - startedAt) * 1000) / 1000,
        rows_returned: rows.length,
      },
      ...(request === null ? {} : { context: { tenant_id: request.tenantId, trace_id: request.traceId } }),
    });
    return { rows, rowCount };
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
