-- Files that messages carry, by the hash of their bytes. A file is never changed: other bytes are another file.
CREATE TABLE crm_files (
  company_id uuid NOT NULL REFERENCES crm_companies,
  sha256 bytea NOT NULL,
  bytes bytea NOT NULL CHECK (octet_length(bytes) BETWEEN 1 AND 8388608),
  added_by text NOT NULL,
  added_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (company_id, sha256),
  CHECK (sha256 = sha256(bytes))
);
-- Pictures and documents are compressed already.
ALTER TABLE crm_files ALTER bytes SET STORAGE EXTERNAL;
