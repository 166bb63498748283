-- Sending identities and their daily quota.
CREATE TABLE crm_outboxes (
  company_id uuid NOT NULL REFERENCES crm_companies,
  id uuid NOT NULL,
  name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  channel text NOT NULL CHECK (channel IN ('email', 'cal-com', 'linkedin', 'whatsapp', 'instagram', 'dry-run')),
  niche text,
  sender text NOT NULL,                            -- what the recipient sees: mailbox, number, handle, author
  secret_ref text NOT NULL CHECK (secret_ref ~ '^secret://[a-z0-9][a-z0-9-]{0,62}:(latest|[1-9][0-9]{0,8})$'),
  config jsonb NOT NULL DEFAULT '{}',
  daily_cap int NOT NULL CHECK (daily_cap BETWEEN 0 AND 1000000),
  zone text NOT NULL,                              -- IANA; its midnight starts a new quota day
  undo_window_secs int NOT NULL CHECK (undo_window_secs BETWEEN 0 AND 3600),
  allowlist_mode text NOT NULL DEFAULT 'enforced' CHECK (allowlist_mode IN ('enforced', 'open')),
  enabled boolean NOT NULL DEFAULT true,
  pause_reason text,                               -- why it is not enabled, for people
  cool_until timestamptz,                          -- the provider asked the credential to wait
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (company_id, id),
  UNIQUE (company_id, name),
  CHECK (enabled OR pause_reason IS NOT NULL)
);

-- granted: what the last UPDATE gave, so that RETURNING can tell. A cap set below today's sends takes effect tomorrow.
CREATE TABLE crm_credential_buckets (
  company_id uuid NOT NULL,
  outbox_id uuid NOT NULL,
  day date NOT NULL,
  sent_today int NOT NULL DEFAULT 0,
  daily_cap int NOT NULL,
  granted int NOT NULL DEFAULT 0,
  PRIMARY KEY (company_id, outbox_id),
  FOREIGN KEY (company_id, outbox_id) REFERENCES crm_outboxes,
  CHECK (sent_today BETWEEN 0 AND daily_cap)
) WITH (fillfactor = 10);

-- Not valid for rows that were there before: this phase can be reverted and applied again under activities.
ALTER TABLE crm_activities ADD CONSTRAINT crm_activities_outbox FOREIGN KEY (company_id, outbox_id) REFERENCES crm_outboxes NOT VALID;
