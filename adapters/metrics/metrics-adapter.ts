import type { ComponentAdapter, ComponentEvent, HookContext, HookRegistrar } from '../../kernel/adapter.ts';
import { ALLOW, type Decision, type Demand } from '../../kernel/capability/gate.ts';
import { MagError } from '../../kernel/errors.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { HostCalls } from '../../manifests/protocol/calls.ts';
import { ExtensionMetrics, type Update } from './extension-metrics.ts';

type MetricCall = 'counter' | 'gauge' | 'histogram';
type Params<Call extends MetricCall> = HostCalls[`metrics.${Call}`]['params'];

/** The adapter of the numbers that extensions count and measure themselves. They live as long as this host. */
export interface MetricsAdapter extends ComponentAdapter {
  readonly component: 'metrics';
  /** The metrics of these extensions in the text format of Prometheus; empty when there are none. */
  text(extensions: readonly ExtensionId[]): Promise<string>;
}

export function createMetricsAdapter(): MetricsAdapter {
  return new CustomMetrics();
}

class CustomMetrics implements MetricsAdapter {
  readonly component = 'metrics';
  readonly #extensions = new Map<ExtensionId, ExtensionMetrics>();
  #registrar: HookRegistrar | null = null;

  /** The catalogue has no hook of this component. */
  registerHooks(kernel: HookRegistrar): void {
    this.#registrar = kernel;
  }

  demands(hook: string): readonly Demand[] {
    callOf(hook);
    return [{ capability: 'system.metrics' }];
  }

  async executeHook(hook: string, { caller, params }: HookContext): Promise<Json> {
    const update = updateOf(callOf(hook), params);
    const metrics = this.#extensions.get(caller.extension) ?? new ExtensionMetrics(caller.extension);
    this.#extensions.set(caller.extension, metrics);
    metrics.update(update);
    return null;
  }

  /** Whatever the gate allows, this component can do. */
  validateCapability(): Decision {
    return ALLOW;
  }

  async text(extensions: readonly ExtensionId[]): Promise<string> {
    const texts = extensions.map((id) => this.#extensions.get(id)?.text() ?? '');
    return (await Promise.all(texts)).join('');
  }

  async forget(extension: ExtensionId): Promise<void> {
    this.#extensions.delete(extension);
  }

  async emitEvent(event: ComponentEvent): Promise<void> {
    if (this.#registrar === null) throw new MagError('E_STATE', 'The adapter is not attached to a kernel.');
    await this.#registrar.publish('metrics', event);
  }
}

/** The call table's schema was applied to the parameters of each call. */
function updateOf(call: MetricCall, params: Json): Update {
  const { name, labels = {} } = params as Params<MetricCall>;
  if (call === 'counter') {
    const { value = 1 } = params as Params<'counter'>;
    return { type: 'counter', name, labels, value };
  }
  if (call === 'gauge') {
    const { operation, value } = params as Params<'gauge'>;
    return { type: 'gauge', name, labels, value, operation };
  }
  const { value, buckets = null } = params as Params<'histogram'>;
  return { type: 'histogram', name, labels, value, buckets };
}

function callOf(hook: string): MetricCall {
  if (hook === 'counter' || hook === 'gauge' || hook === 'histogram') return hook;
  throw new MagError('E_INTERNAL', 'The metrics component has no such call.');
}
