/** What the kernel says of a process: `/proc/<pid>/status`, as far as a jail is concerned. */
export interface ProcessStatus {
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  readonly groups: readonly number[];
  readonly noNewPrivileges: boolean;
  /** Sets of capabilities, by their names in the file. */
  readonly capabilities: Readonly<Record<CapabilitySet, bigint>>;
}

export type CapabilitySet = 'CapInh' | 'CapPrm' | 'CapEff' | 'CapBnd' | 'CapAmb';

/** Reads the text of `/proc/<pid>/status`; a line that is missing reads as the worst that could be. */
export function readProcessStatus(text: string): ProcessStatus {
  const lines = new Map(
    text.split('\n').map((line) => [line.split(':')[0] ?? '', line.split(/:\s*/)[1] ?? '']),
  );
  const numbers = (name: string) => (lines.get(name) ?? '').trim().split(/\s+/).filter(Boolean).map(Number);
  const set = (name: CapabilitySet) => BigInt(`0x${lines.get(name)?.trim() || 'ffffffffffffffff'}`);
  return {
    uids: numbers('Uid'),
    gids: numbers('Gid'),
    groups: numbers('Groups'),
    noNewPrivileges: lines.get('NoNewPrivs')?.trim() === '1',
    capabilities: {
      CapInh: set('CapInh'),
      CapPrm: set('CapPrm'),
      CapEff: set('CapEff'),
      CapBnd: set('CapBnd'),
      CapAmb: set('CapAmb'),
    },
  };
}

/** Whether it runs as this account and no other, without groups. */
export function runsOnlyAs({ uids, gids, groups }: ProcessStatus, id: number): boolean {
  const all = [...uids, ...gids];
  // The one group a process may be listed in is its own.
  return all.length === 8 && all.every((one) => one === id) && groups.every((group) => group === id);
}

const CAP_KILL = 1n << 5n;

/** Whether it may end processes of other accounts. */
export function mayKill({ capabilities }: ProcessStatus): boolean {
  return (capabilities.CapEff & CAP_KILL) !== 0n;
}

/** Whether it has no capability, and none to gain. */
export function isPowerless({ capabilities, noNewPrivileges }: ProcessStatus): boolean {
  const { CapInh, CapPrm, CapEff, CapBnd, CapAmb } = capabilities;
  return (CapInh | CapPrm | CapEff | CapAmb) === 0n && (CapBnd === 0n || noNewPrivileges);
}
