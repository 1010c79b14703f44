import type { Auth, Keys, MetricLabels, Metrics, PublicKeys, Realtime } from './host-api.ts';

type RecordCall = (name: string, ...args: unknown[]) => void;

/** Recorded as `metrics.counter`, … with the name of the metric, what was done, by how much, and the labels. */
export function recordingMetrics(record: RecordCall): Metrics {
  const change =
    (type: string, name: string, what: string, byDefault?: number) =>
    async (value = byDefault, labels: MetricLabels = {}) =>
      record(`metrics.${type}`, name, what, value, labels);
  return {
    counter: (name) => ({ inc: change('counter', name, 'inc', 1) }),
    gauge: (name) => ({
      set: change('gauge', name, 'set'),
      inc: change('gauge', name, 'inc', 1),
      dec: change('gauge', name, 'dec', 1),
    }),
    histogram: (name) => ({ observe: change('histogram', name, 'observe') }),
  };
}

/** Roles are those that were given here, to whomever; the audit log is empty. */
export function recordingAuth(record: RecordCall): Auth {
  const given: { readonly principal: string; readonly role: string }[] = [];
  const indexOf = (principal: string, role: string) =>
    given.findIndex((one) => one.principal === principal && one.role === role);
  return {
    roles: {
      assign: async (principal, role) => {
        record('auth.roles.assign', principal, role);
        const isNew = indexOf(principal, role) < 0;
        if (isNew) given.push({ principal, role });
        return isNew;
      },
      remove: async (principal, role) => {
        record('auth.roles.remove', principal, role);
        const place = indexOf(principal, role);
        if (place >= 0) given.splice(place, 1);
        return place >= 0;
      },
      holders: async (role) => {
        record('auth.roles.holders', role);
        return given
          .filter((one) => one.role === role)
          .map(({ principal }) => ({ id: principal, name: principal }));
      },
    },
    audit: {
      query: async (filter = {}) => {
        record('auth.audit.query', filter);
        return [];
      },
    },
  };
}

/** Messages are numbered as they come, in each channel. */
export function recordingRealtime(
  record: RecordCall,
  presence: Readonly<Record<string, readonly string[]>> = {},
): Realtime {
  const sequences = new Map<string, number>();
  return {
    broadcast: async (channel, data) => {
      record('realtime.broadcast', channel, data);
      const sequence = (sequences.get(channel) ?? 0) + 1;
      sequences.set(channel, sequence);
      return { sequence };
    },
    presence: async (channel) => {
      record('realtime.presence', channel);
      const ids = Object.hasOwn(presence, channel) ? (presence[channel] ?? []) : [];
      const since = '1970-01-01T00:00:00.000Z';
      const members = ids.map((id) => ({ id, name: id, connections: 1, since }));
      return { members, total: members.length, anonymous: 0 };
    },
  };
}

/** Keys without cryptography: what one of them signed is known by heart. */
export function recordingKeys(record: RecordCall, names: readonly string[] = []): Keys {
  const signed = new Map<string, string>();
  const need = (key: string) => {
    if (names.includes(key)) return `${key}-1`;
    throw Object.assign(new Error(`there is no key ${key}`), { code: 'E_KEY_UNKNOWN' });
  };
  return {
    sign: async (key, data) => {
      record('keys.sign', key, data);
      const keyId = need(key);
      const signature = new Uint8Array(64);
      new DataView(signature.buffer).setUint32(60, signed.size + 1);
      signed.set(`${key} ${signature.join()}`, bytesOf(data));
      return { signature, keyId };
    },
    verify: async (key, data, signature, { keyId } = {}) => {
      record('keys.verify', key, data, signature);
      const isOfVersion = keyId === undefined || keyId === need(key);
      need(key);
      return isOfVersion && signed.get(`${key} ${signature.join()}`) === bytesOf(data);
    },
    publicKey: async (key) => {
      record('keys.publicKey', key);
      return publicKeysOf(need(key));
    },
    jws: async (key, payload, header = {}) => {
      record('keys.jws', key, payload, header);
      const kid = need(key);
      const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
      return [JSON.stringify({ ...header, alg: 'EdDSA', kid }), text, 'recorded'].map(base64url).join('.');
    },
  };
}

/** Text and its bytes are the same. */
function bytesOf(data: string | Uint8Array): string {
  if (typeof data !== 'string') return data.join();
  return Uint8Array.from(unescape(encodeURIComponent(data)), (byte) => byte.charCodeAt(0)).join();
}

function publicKeysOf(keyId: string): PublicKeys {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: base64url(keyId), kid: keyId, alg: 'EdDSA', use: 'sig' };
  const pem = `-----BEGIN PUBLIC KEY-----\n${base64url(keyId)}\n-----END PUBLIC KEY-----\n`;
  return { keyId, algorithm: 'EdDSA', jwk, pem, previous: [] };
}

function base64url(text: string): string {
  const binary = unescape(encodeURIComponent(text));
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
