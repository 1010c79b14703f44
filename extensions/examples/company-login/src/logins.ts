import { type Context, ExtensionError, type Identity, type Json, type Login } from '#sdk';

const ROLES: Readonly<Record<string, string>> = { employees: 'staff', communications: 'editor' };

/** Groups are a list, or one text with spaces; those that mean nothing here give nothing. */
export function rolesOfGroups(groups: Json | undefined): string[] {
  const names = Array.isArray(groups) ? groups : typeof groups === 'string' ? groups.split(' ') : [];
  return names.flatMap((name) =>
    typeof name === 'string' && Object.hasOwn(ROLES, name) ? [ROLES[name] ?? ''] : [],
  );
}

/** The host counts what fails, by the name and by the address, and lets nobody guess for long. */
export async function checkPin(login: Login, ctx: Context): Promise<Identity> {
  const pin = await ctx.secrets.get('KIOSK_PIN');
  if (login.kind !== 'sso' || login.credentials !== pin)
    throw new ExtensionError('WRONG_PIN', 'The PIN is wrong.');
  return { subject: 'kiosk', name: 'Kiosk' };
}
