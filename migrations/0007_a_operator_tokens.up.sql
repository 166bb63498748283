-- What lets somebody act as an operator without being logged in as one. The token itself is never stored: it has 256 random bits, so
-- its plain hash tells nothing, and looking a hash up takes no time that depends on the token. The hash is unique in the whole
-- installation: whoever brings a token does not say first whose it is.
CREATE TABLE crm_operator_tokens (
  company_id uuid NOT NULL,
  id uuid NOT NULL,
  operator_id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  token_sha256 bytea NOT NULL UNIQUE CHECK (octet_length(token_sha256) = 32),
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  expires_at timestamptz NOT NULL,
  last_used_at timestamptz,
  revoked_at timestamptz,
  revoked_by text,
  PRIMARY KEY (company_id, id),
  FOREIGN KEY (company_id, operator_id) REFERENCES crm_operators,
  CHECK (expires_at > created_at),
  CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX crm_operator_tokens_of ON crm_operator_tokens (company_id, operator_id, id);
