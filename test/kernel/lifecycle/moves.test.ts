import { describe, expect, it } from 'vitest';
import { move } from '../../../kernel/lifecycle/moves.ts';
import type { ExtensionState, OperationKind } from '../../../kernel/ports.ts';

const STATES: ExtensionState[] = [
  'staged',
  'installed',
  'enabled',
  'disabled',
  'quarantined',
  'failed',
  'uninstalled',
];

/** Spec 06, as a person would write it down. */
const LEGAL: Record<OperationKind, Partial<Record<ExtensionState, ExtensionState>>> = {
  install: { staged: 'installed', uninstalled: 'installed' },
  enable: { installed: 'enabled', disabled: 'enabled', quarantined: 'enabled', failed: 'enabled' },
  disable: { enabled: 'disabled', quarantined: 'disabled', failed: 'disabled' },
  upgrade: { enabled: 'enabled', installed: 'installed', disabled: 'disabled' },
  rollback: { enabled: 'enabled', installed: 'installed', disabled: 'disabled' },
  uninstall: {
    installed: 'uninstalled',
    disabled: 'uninstalled',
    quarantined: 'uninstalled',
    failed: 'uninstalled',
  },
};

describe('move', () => {
  for (const [kind, legal] of Object.entries(LEGAL) as [
    OperationKind,
    Partial<Record<ExtensionState, ExtensionState>>,
  ][]) {
    it.each(STATES)(`${kind} from %s`, (from) => {
      const to = legal[from];
      if (to === undefined)
        expect(() => move(kind, from)).toThrow(expect.objectContaining({ code: 'E_STATE' }));
      else expect(move(kind, from)).toBe(to);
    });
  }
});
