import { messageOf } from '../kernel/errors.ts';
import { HOST_VERSION } from '../kernel/version.ts';
import type { ExtensionId } from '../manifests/manifest/manifest.ts';
import type { HostInfo } from './api/services.ts';
import { type Config, redactConfig } from './config.ts';
import type { NatsEvents } from './events-nats/index.ts';
import type { JailLayer } from './jail-report.ts';
import { findPostgresTools, type ToolSearch } from './storage/postgres-tools.ts';
import { postgresDegradation } from './storage/postgres-version.ts';
import type { StoragePlane } from './storage-plane.ts';

/** What is told of this host changes while it runs. */
interface Sources {
  readonly storage: StoragePlane;
  readonly jail: readonly JailLayer[];
  readonly events: NatsEvents | null;
  /** `null`: there can be backups. */
  readonly noBackups: string | null;
  /** What the host comes with, and why it is not there. */
  readonly notInstalled: ReadonlyMap<ExtensionId, string>;
  /** What is wrong with the revocation lists. */
  readonly revocations: () => HostInfo['degradations'];
}

/** What a host says of itself, at any later time. */
export function hostInfo(
  config: Config,
  { storage, jail, events, noBackups, notInstalled, revocations }: Sources,
): () => HostInfo {
  const startedAt = new Date();
  const old = postgresDegradation(storage.database.versionNum);
  const missing = jail.filter(({ on }) => !on).map(({ name, detail }) => ({ name: `jail: ${name}`, detail }));
  const always = [
    ...(old === null ? [] : [{ name: 'postgres', detail: old }]),
    ...(noBackups === null ? [] : [{ name: 'backups', detail: noBackups }]),
    ...missing,
  ];
  const ofEvents = () => {
    const detail = events?.degradation() ?? null;
    return detail === null ? [] : [{ name: 'nats', detail }];
  };
  const ofPreinstalled = () =>
    [...notInstalled].map(([id, detail]) => ({ name: `preinstall: ${id}`, detail }));
  return () => ({
    name: 'magflock',
    version: HOST_VERSION,
    node: process.versions.node,
    startedAt,
    database: `${storage.kind}, PostgreSQL ${postgresVersion(storage.database.versionNum)}`,
    config: redactConfig(config),
    jail,
    degradations: [...always, ...ofEvents(), ...ofPreinstalled(), ...revocations()],
  });
}

/** `null`: the tools are there. */
export function whyNoBackups(search: ToolSearch, { database }: StoragePlane): Promise<string | null> {
  return findPostgresTools(search, database.versionNum).then(() => null, messageOf);
}

/** `180004` is 18.4. */
function postgresVersion(versionNum: number): string {
  return `${Math.floor(versionNum / 10_000)}.${versionNum % 10_000}`;
}
