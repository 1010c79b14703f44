import { MagError } from '../../kernel/errors.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';

/** Endings that Prometheus gives to the parts of a histogram: a metric named so could be one of another's. */
const PARTS = /_(?:bucket|sum|count)$/;
/** Set by the host (`extension`) or by the format (`le`, `quantile`). */
const RESERVED_LABELS = ['extension', 'le', 'quantile'];
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/;

/**
 * `mag_ext_<publisher>_<name>_<metric>` with every `-` doubled to `__`. No two extensions share one: an id
 * begins and goes on with a letter or digit, so behind `mag_ext_` the first run of underscores of odd length
 * ends the publisher and the second the name; a metric begins with a letter.
 */
export function metricName(extension: ExtensionId, metric: string): string {
  return `mag_ext_${extension.replaceAll('-', '__').replace('/', '_')}_${metric}`;
}

/** @throws `E_PARAMS` for a name or labels that the format or the host needs for itself */
export function checkNames(metric: string, labels: Readonly<Record<string, string>>): void {
  if (PARTS.test(metric))
    throw new MagError('E_PARAMS', 'A metric may not end with _bucket, _sum or _count.');
  for (const [label, value] of Object.entries(labels)) {
    if (RESERVED_LABELS.includes(label)) throw new MagError('E_PARAMS', `The label ${label} is reserved.`);
    // Half a surrogate pair is written as something else, and two values would become one.
    if (!value.isWellFormed() || CONTROL_CHARACTER.test(value))
      throw new MagError('E_PARAMS', `The value of the label ${label} is no plain text.`);
  }
}
