/**
 * Leaves the end of this cell to its host, which lets calls in flight end first: what a terminal (Ctrl-C) or a
 * service manager (`systemctl stop`) sends to every process at once ends the host, and the host the cell. Dying
 * with the host needs no signal of theirs: the channel closes, and the system kills.
 */
export function leaveSignalsToHost(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
}
