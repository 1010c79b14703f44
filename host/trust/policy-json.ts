import type { PublisherTrust, Signers, TrustPolicy } from '../../kernel/trust/policy.ts';

/** The policy as `parseTrustPolicy` reads it; what is not set is left out. */
export function policyJson({ publishers, reviewers, revokers }: TrustPolicy): object {
  const entries = [...publishers].map(([name, { tier, reviews, provenance, ...signers }]) => [
    name,
    { tier, reviews: reviews || undefined, provenance: provenance ?? undefined, ...signersJson(signers) },
  ]);
  const people = [...reviewers].map(([name, signers]) => [name, signersJson(signers)]);
  const issuers = [...revokers].map(([name, { publishers, ...signers }]) => [
    name,
    { publishers: publishers ?? undefined, ...signersJson(signers) },
  ]);
  return {
    publishers: Object.fromEntries(entries),
    reviewers: people.length === 0 ? undefined : Object.fromEntries(people),
    revocations: issuers.length === 0 ? undefined : Object.fromEntries(issuers),
  };
}

function signersJson({ keys, identities, trustedRoot }: Signers): object {
  return {
    keys: keys.map(({ id, publicKey, ...times }) => ({ id, publicKey, ...timesJson(times) })),
    identities: identities.map(({ issuer, san, ...times }) => ({ issuer, san, ...timesJson(times) })),
    trustedRoot: trustedRoot?.file,
  };
}

function timesJson(times: Readonly<Record<string, Date | null>>) {
  return Object.fromEntries(Object.entries(times).map(([name, date]) => [name, date ?? undefined]));
}

/** What `GET /v1/trust` and `mag trust:list` show. Keys and identities that were removed have `revokedAt`. */
export function policyView({ publishers, reviewers }: TrustPolicy) {
  const entries = [...publishers].map(([name, entry]) => [name, publisherView(entry)] as const);
  const people = [...reviewers].map(([name, entry]) => [name, signersView(entry)] as const);
  return { publishers: Object.fromEntries(entries), reviewers: Object.fromEntries(people) };
}

export function publisherView({ tier, reviews, provenance, ...signers }: PublisherTrust) {
  return { tier, ...signersView(signers), reviews, provenance };
}

function signersView({ keys, identities }: Signers) {
  return { keys, identities };
}
