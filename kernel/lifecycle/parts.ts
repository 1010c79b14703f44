import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import type { Gate } from '../capability/gate.ts';
import type { MagError } from '../errors.ts';
import type { EventBus } from '../events/bus.ts';
import type { EventTypes } from '../events/event-types.ts';
import type { HookPoints } from '../hooks/hook-points.ts';
import type { Audit } from '../operator.ts';
import type { Alert, Clock, ExtensionData, ExtensionFiles, Logger, Stores } from '../ports.ts';
import type { Registry } from '../registry/registry.ts';
import type { CellOwner, Sandbox } from '../sandbox/cell.ts';
import type { EndpointTable } from './endpoint-table.ts';

/** The parts of the kernel that moving an extension through its life touches. */
export interface Parts {
  readonly stores: Stores;
  readonly registry: Registry;
  readonly gate: Gate;
  readonly hooks: HookPoints;
  readonly types: EventTypes;
  readonly bus: EventBus;
  readonly audit: Audit;
  readonly sandbox: Sandbox;
  readonly data: ExtensionData;
  readonly files: ExtensionFiles;
  readonly endpoints: EndpointTable;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Tells the operators, out of band, that an extension does not run as it should. Never throws. */
  readonly alert: (alert: Alert) => void;
  /** What a cell of this extension may ask for. */
  readonly ownerFor: (manifest: Manifest) => CellOwner;
  /** Ends an extension that must not go on: kills it, puts it on record and keeps it off. */
  readonly quarantine: (id: ExtensionId, error: MagError) => Promise<void>;
  /** Resolves when a quarantine of the extension under way, if any, is on record. */
  readonly quarantined: (id: ExtensionId) => Promise<void>;
}
