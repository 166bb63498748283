-- Credentials, encrypted by this installation's key; no plain text ever reaches the database.
CREATE TABLE crm_secrets (
  company_id uuid NOT NULL REFERENCES crm_companies,
  secret_id text NOT NULL CHECK (secret_id ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  version int NOT NULL CHECK (version > 0),
  nonce bytea NOT NULL CHECK (length(nonce) = 24),
  ciphertext bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  revoked_at timestamptz,
  PRIMARY KEY (company_id, secret_id, version)
);
