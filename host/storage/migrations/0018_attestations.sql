-- The reviews and provenance that came with a package: a Sigstore bundle on each line.

ALTER TABLE mag.packages ADD COLUMN attestations text NOT NULL DEFAULT '';
