import type { ExtensionId } from '../../manifests/manifest/manifest.ts';

/** Shorter ones are found in ordinary text. */
const MIN_CHARS = 8;
/** Values of one extension that are looked for: the newest. */
const MAX_VALUES = 100;
const REDACTED = '[redacted]';

interface Given {
  readonly names: Set<string>;
  /** Oldest first. */
  readonly values: Set<string>;
  /** What is looked for, the longest first: one that is part of another must not spoil it. */
  forms: readonly string[];
}

/** What each extension was given since the host started, to keep it out of the log that its author writes. */
export class GivenSecrets {
  readonly #given = new Map<ExtensionId, Given>();

  /** Whether the extension was given this name before. */
  knows(extension: ExtensionId, name: string): boolean {
    return this.#given.get(extension)?.names.has(name) === true;
  }

  add(extension: ExtensionId, name: string, value: string): void {
    const given = this.#given.get(extension) ?? { names: new Set(), values: new Set(), forms: [] };
    this.#given.set(extension, given);
    given.names.add(name);
    if (value.length < MIN_CHARS || given.values.has(value)) return;
    given.values.add(value);
    for (const oldest of given.values) {
      if (given.values.size <= MAX_VALUES) break;
      given.values.delete(oldest);
    }
    given.forms = [...new Set([...given.values].flatMap(formsOf))].sort((a, b) => b.length - a.length);
  }

  /** Takes out of a text every value that the extension was given; `null` when there is none to look for. */
  redactor(extension: ExtensionId): ((text: string) => string) | null {
    const forms = this.#given.get(extension)?.forms ?? [];
    if (forms.length === 0) return null;
    return (text) => forms.reduce((redacted, form) => redacted.replaceAll(form, REDACTED), text);
  }

  forget(extension: ExtensionId): void {
    this.#given.delete(extension);
  }
}

/** As it is, and as JSON writes it. */
function formsOf(value: string): string[] {
  return [value, JSON.stringify(value).slice(1, -1)];
}
