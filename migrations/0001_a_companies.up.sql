-- Tenants, the people who decide, and the record of what they did.
CREATE TABLE crm_companies (
  id uuid PRIMARY KEY,
  slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  sandbox boolean NOT NULL DEFAULT false,          -- everything it sends goes to the built-in sandbox provider, whatever process sends
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Bumped at the end of every transaction that changes something a screen shows; consoles poll this one row.
CREATE TABLE crm_change_counters (
  company_id uuid PRIMARY KEY REFERENCES crm_companies,
  version bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);

CREATE TABLE crm_operators (
  company_id uuid NOT NULL REFERENCES crm_companies,
  id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  role text NOT NULL CHECK (role IN ('viewer', 'approver', 'admin')),
  created_at timestamptz NOT NULL DEFAULT now(),
  disabled_at timestamptz,
  PRIMARY KEY (company_id, id),
  UNIQUE (company_id, name)
);

CREATE TABLE crm_audit_log (
  company_id uuid NOT NULL REFERENCES crm_companies,
  id uuid NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  actor_kind text NOT NULL CHECK (actor_kind IN ('operator', 'agent', 'rule', 'engine')),
  actor_id uuid,
  actor_name text NOT NULL,
  action text NOT NULL,                            -- dotted, stable: approval.approve, dispatch.sent, outbox.pause
  subject_id uuid,                                 -- what was acted upon
  payload_sha256 bytea,
  reason text,
  detail jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (company_id, id)
);
CREATE INDEX crm_audit_log_subject ON crm_audit_log (company_id, subject_id, id) WHERE subject_id IS NOT NULL;
