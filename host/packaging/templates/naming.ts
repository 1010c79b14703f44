import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';

/** An extension's id in the forms its files need. */
export interface Naming {
  readonly id: ExtensionId;
  readonly publisher: string;
  readonly name: string;
  /** `my-hello` as `My Hello`. */
  readonly displayName: string;
  /** The event type that the templates publish. */
  readonly greeted: string;
}

export function namingOf(id: ExtensionId): Naming {
  const slash = id.indexOf('/');
  const [publisher, name] = [id.slice(0, slash), id.slice(slash + 1)];
  const words = name.split('-').filter((word) => word !== '');
  return {
    id,
    publisher,
    name,
    displayName: words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(' '),
    greeted: `${publisher}.${name}.greeted`,
  };
}
