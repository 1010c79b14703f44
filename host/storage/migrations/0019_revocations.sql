-- Revocation lists (spec 02): the newest of each issuer, as it was signed.
CREATE TABLE mag.revocation_lists (
  issuer      text PRIMARY KEY,
  -- Only rises: see revocation-store.ts.
  number      bigint NOT NULL,
  list        bytea NOT NULL,
  -- JSON text of the Sigstore bundle.
  bundle      text NOT NULL,
  imported_at timestamptz(3) NOT NULL DEFAULT now()
);
