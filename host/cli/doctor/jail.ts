import { probeJail } from '../../../kernel/sandbox/index.ts';
import { describeJail, type JailLayer } from '../../jail-report.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** What was found of one layer of the jail. */
interface LayerFinding extends Finding {
  readonly on: boolean;
}

/** One finding for each layer of the jail, as a host of this account would find it. */
export async function checkJail(): Promise<LayerFinding[]> {
  return describeJail(await probeJail()).map((layer) => layerFinding(layer));
}

/** @param uid the account of the host: root without accounts for its cells does not start */
export function layerFinding(layer: JailLayer, uid = process.getuid?.()): LayerFinding {
  return { ...judged(layer, uid), on: layer.on };
}

function judged({ name, on, detail, remedy }: JailLayer, uid: number | undefined): Finding {
  const check = `jail: ${name}`;
  if (on || remedy === null) return ok(check, `on, ${detail}`);
  return (name === 'account' && uid === 0 ? fail : warn)(check, `off, ${detail}`, remedy);
}
