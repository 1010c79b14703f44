/** The version of this host, which `engines.magflock` of a manifest is checked against. */
export const HOST_VERSION = '1.0.0';
