import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import type { Gate } from '../capability/gate.ts';
import type { MagError } from '../errors.ts';
import type { EventBus } from '../events/bus.ts';
import type { EventTypes } from '../events/event-types.ts';
import type { OutboxRelay } from '../events/outbox-relay.ts';
import type { HookPoints } from '../hooks/hook-points.ts';
import type { Audit } from '../operator.ts';
import type { Alert, Clock, ExtensionData, ExtensionFiles, Logger, Stores, Transactions } from '../ports.ts';
import type { Registry } from '../registry/registry.ts';
import type { CellOwner, ExtensionProcess, Sandbox } from '../sandbox/cell.ts';
import type { OpenStreams } from '../streams.ts';
import type { Package, Verified } from '../trust/verify.ts';
import type { RunningExtensions } from './running-extensions.ts';
import type { Turns } from './turns.ts';

/** The parts of the kernel that moving an extension through its life touches. */
export interface Parts {
  readonly stores: Stores;
  readonly registry: Registry;
  readonly gate: Gate;
  readonly streams: OpenStreams;
  readonly hooks: HookPoints;
  readonly types: EventTypes;
  readonly bus: EventBus;
  readonly audit: Audit;
  readonly sandbox: Sandbox;
  /** What runs on this host now. */
  readonly running: RunningExtensions;
  readonly data: ExtensionData;
  readonly transactions: Transactions;
  /** Publishes what committed transactions left to be published. */
  readonly relay: OutboxRelay;
  readonly files: ExtensionFiles;
  /** What an operator still has to provide for it, of all components. */
  readonly lacks: (manifest: Manifest) => Promise<readonly string[]>;
  /** Lets every component forget an extension that is uninstalled. */
  readonly forget: (id: ExtensionId, options: { readonly purge: boolean }) => Promise<void>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly turns: Turns;
  /** Waits until the other hosts have followed what changed. @returns who has not, in words */
  readonly followed: (waitMs?: number) => Promise<string | undefined>;
  /** Whether another host that is there runs the extension. */
  readonly othersRun: (id: ExtensionId) => Promise<boolean>;
  /** Tells the operators, out of band, that an extension does not run as it should. Never throws. */
  readonly alert: (alert: Alert) => void;
  /** Whom a cell with the code of this package speaks to. */
  readonly ownerFor: (verified: Verified<Package>) => CellOwner;
  /** Ends an extension that must not go on: kills it, puts it on record and keeps it off. */
  readonly quarantine: (id: ExtensionId, error: MagError) => Promise<void>;
  /** Hears that what serves broke a limit: `E_LIMIT_*`. */
  readonly overBudget: (id: ExtensionId, error: MagError) => void;
  /** Sees to an extension whose cell died too often to be started again. */
  readonly givenUp: (id: ExtensionId, error: MagError, process: ExtensionProcess) => Promise<void>;
  /** Resolves when a quarantine of the extension under way, if any, is on record. */
  readonly quarantined: (id: ExtensionId) => Promise<void>;
}
