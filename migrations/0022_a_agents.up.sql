-- Agents with credentials of their own. Each drafts under its name, changes and withdraws what it drafted, and decides nothing.

CREATE TABLE crm_agents (
  company_id uuid NOT NULL REFERENCES crm_companies,
  id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  disabled_at timestamptz,
  PRIMARY KEY (company_id, id),
  UNIQUE (company_id, name)
);

-- As those of operators: 256 random bits of which only the hash is stored, unique in the whole installation.
CREATE TABLE crm_agent_tokens (
  company_id uuid NOT NULL,
  id uuid NOT NULL,
  agent_id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  token_sha256 bytea NOT NULL UNIQUE CHECK (octet_length(token_sha256) = 32),
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  expires_at timestamptz NOT NULL,
  last_used_at timestamptz,
  revoked_at timestamptz,
  revoked_by text,
  PRIMARY KEY (company_id, id),
  FOREIGN KEY (company_id, agent_id) REFERENCES crm_agents,
  CHECK (expires_at > created_at),
  CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX crm_agent_tokens_of ON crm_agent_tokens (company_id, agent_id, id);
