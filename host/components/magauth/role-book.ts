import type { MagauthHooks } from '../../../adapters/magauth/index.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import type { RoleRecord, RoleStore } from './ports.ts';
import { mayCall } from './roles.ts';

/** How long the roles of operators are believed. */
const BELIEVED_MS = 1_000;
const PERMISSION = 'permission:';

/** A role as it is shown: of an operator, or declared by an extension that is enabled. */
export interface KnownRole extends RoleRecord {
  /** `null`: an operator made it. */
  readonly extension: ExtensionId | null;
}

/** What roles may do at endpoints. */
export class RoleBook {
  readonly #store: RoleStore;
  readonly #templates: MagauthHooks['roles'];
  readonly #now: () => number;
  #known: { readonly until: number; readonly roles: Promise<RoleRecord[]> } = {
    until: 0,
    roles: Promise.resolve([]),
  };

  constructor(store: RoleStore, templates: MagauthHooks['roles'], now: () => number = Date.now) {
    this.#store = store;
    this.#templates = templates;
    this.#now = now;
  }

  /** Whether who has these roles may call an endpoint of the extension with this `auth`. */
  may(extension: ExtensionId, roles: readonly string[], wanted: string): boolean | Promise<boolean> {
    if (!wanted.startsWith(PERMISSION)) return mayCall(roles, wanted);
    return roles.includes('owner') || this.#permits(extension, roles, wanted.slice(PERMISSION.length));
  }

  /** Every role but those of the host. */
  async list(): Promise<KnownRole[]> {
    const declared = this.#templates.list().map(({ extension, value }) => ({
      name: value.name,
      description: value.description,
      permissions: value.permissions.map((permission) => `${extension}:${permission}`),
      extension,
    }));
    return [...(await this.#store.list()).map((role) => ({ ...role, extension: null })), ...declared];
  }

  /** Believes nothing from before. */
  forget(): void {
    this.#known = { until: 0, roles: this.#known.roles };
  }

  /** A template says what its role may do at its own extension, and nowhere else. */
  async #permits(extension: ExtensionId, roles: readonly string[], permission: string): Promise<boolean> {
    const isDeclared = this.#templates
      .list()
      .some(
        (template) =>
          template.extension === extension &&
          roles.includes(template.value.name) &&
          template.value.permissions.includes(permission),
      );
    if (isDeclared) return true;
    const full = `${extension}:${permission}`;
    return (await this.#ofOperators()).some(
      ({ name, permissions }) => roles.includes(name) && permissions.includes(full),
    );
  }

  #ofOperators(): Promise<RoleRecord[]> {
    if (this.#known.until <= this.#now()) {
      const roles = this.#store.list();
      this.#known = { until: this.#now() + BELIEVED_MS, roles };
      roles.catch(() => this.forget()); // a failure is told to who asked, and not remembered
    }
    return this.#known.roles;
  }
}
