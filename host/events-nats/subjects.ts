/**
 * The subjects of events, `mag.events.<component>.<event type>`. The parts of a type are tokens of their own, so
 * that `mag.events.extension.acme.>` is what acme publishes. What could mean something to NATS is written as in
 * addresses (`%2A`); a part that is empty, as `%`.
 */
export class Subjects {
  /** `mag.events` */
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  /** Everything. */
  get all(): string {
    return `${this.prefix}.>`;
  }

  /** Where hosts tell each other of new events; not in the stream. */
  get wake(): string {
    return `${this.prefix}-wake`;
  }

  of(component: string, type: string): string {
    return `${this.prefix}.${token(component)}.${typeTokens(type)}`;
  }

  /** Those of a component, a type, both or all. */
  filter(component: string | undefined, type: string | undefined): string {
    const first = component === undefined ? '*' : token(component);
    return `${this.prefix}.${first}.${type === undefined ? '>' : typeTokens(type)}`;
  }

  /** `null`: it is none of ours. */
  componentOf(subject: string): string | null {
    if (!subject.startsWith(`${this.prefix}.`)) return null;
    const name = subject.slice(this.prefix.length + 1).split('.')[0] ?? '';
    try {
      return name === EMPTY ? '' : decodeURIComponent(name);
    } catch {
      return null;
    }
  }
}

const EMPTY = '%';

function typeTokens(type: string): string {
  return type.split('.').map(token).join('.');
}

function token(text: string): string {
  if (text === '') return EMPTY;
  const hex = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[.!~*'()]/g, hex);
}
