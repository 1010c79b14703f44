import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Compared with when nobody has the id, so that both answers take as long. */
const NOBODY = Buffer.alloc(32);

/** The text of a credential, `<prefix>_<id>_<secret>`: 256 random bits, of which a digest is kept. */
export class CredentialSecret {
  readonly #prefix: string;
  readonly #form: RegExp;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#form = new RegExp(`^${prefix}_([0-9a-f]{16})_([0-9a-f]{64})$`);
  }

  create(): { id: string; text: string; digest: Buffer } {
    const id = randomBytes(8).toString('hex');
    const secret = randomBytes(32).toString('hex');
    return { id, text: `${this.#prefix}_${id}_${secret}`, digest: digestOf(secret) };
  }

  /** `null`: no text of this kind. */
  read(text: string): { id: string; isOf: (digest: Buffer | undefined) => boolean } | null {
    const [, id, secret] = this.#form.exec(text) ?? [];
    if (id === undefined || secret === undefined) return null;
    return {
      id,
      isOf: (digest) => timingSafeEqual(digestOf(secret), digest ?? NOBODY) && digest !== undefined,
    };
  }
}

export function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** The principal `p` of a credential, as JSON, with its roles as they are now; `null` where there is none. */
export const PRINCIPAL_JSON = `CASE WHEN p.id IS NULL THEN NULL ELSE json_build_object(
  'id', p.id, 'kind', p.kind, 'name', p.name, 'tenantId', p.tenant_id,
  'roles', (SELECT coalesce(json_object_agg(held.tenant_id, held.roles), '{}')
            FROM (SELECT a.tenant_id, json_agg(DISTINCT a.role ORDER BY a.role) AS roles
                  FROM mag.role_assignments a WHERE a.principal_id = p.id GROUP BY a.tenant_id) held)) END`;
