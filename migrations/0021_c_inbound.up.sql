-- What providers tell us: where they send it, and what they sent.

CREATE TABLE crm_webhook_endpoints (
  company_id uuid NOT NULL REFERENCES crm_companies,
  id uuid NOT NULL UNIQUE,                         -- who calls knows the id alone
  provider text NOT NULL CHECK (provider IN ('resend', 'twilio', 'cal-com', 'calendly', 'linkedin', 'instagram')),
  secret_id text NOT NULL,                         -- every version of it that was not revoked is accepted
  public_url text CHECK (length(public_url) BETWEEN 1 AND 500), -- as the provider was given it, where it signs that
  verify_sha256 bytea CHECK (octet_length(verify_sha256) = 32), -- of the token that a provider shows before it sends
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  removed_at timestamptz,
  removed_by text,
  refused bigint NOT NULL DEFAULT 0,               -- deliveries that nobody could prove; nothing else of them is kept
  refused_at timestamptz,
  refused_why text CHECK (length(refused_why) <= 200),
  PRIMARY KEY (company_id, id),
  CHECK ((removed_at IS NULL) = (removed_by IS NULL))
) WITH (fillfactor = 50);

-- One row an event, kept for good: where a scheme signs no time, having seen it before is the only protection against a replay.
CREATE TABLE crm_inbound_events (
  company_id uuid NOT NULL REFERENCES crm_companies,
  id uuid NOT NULL,
  endpoint_id uuid,                                -- NULL: found by asking the provider
  source text NOT NULL CHECK (source IN ('resend', 'twilio', 'cal-com', 'calendly', 'linkedin', 'instagram')),
  external_id text NOT NULL CHECK (octet_length(external_id) BETWEEN 1 AND 300),
  kind text NOT NULL CHECK (kind IN ('message', 'status', 'booking', 'echo', 'suppression', 'social', 'other', 'unreadable')),
  occurred_at timestamptz,
  received_at timestamptz NOT NULL DEFAULT now(),
  sig_ok boolean NOT NULL,                         -- false: found by asking, over a connection of ours
  reading jsonb,                                   -- what was read from the bytes; NULL after erasure
  raw bytea CHECK (octet_length(raw) <= 1048576),  -- NULL after erasure
  raw_sha256 bytea NOT NULL CHECK (octet_length(raw_sha256) = 32),
  state text NOT NULL DEFAULT 'stored' CHECK (state IN ('stored', 'applied', 'unmatched', 'failed', 'dismissed')),
  contact_id uuid,
  activity_id uuid,
  did text[] NOT NULL DEFAULT '{}',                -- what it did, in sentences
  error text CHECK (length(error) <= 500),
  tries smallint NOT NULL DEFAULT 0,
  errors smallint NOT NULL DEFAULT 0,              -- of the tries: those that failed; only they end in state 'failed'
  look_at timestamptz NOT NULL DEFAULT now(),      -- when a stored one is looked at next
  applied_at timestamptz,
  is_announced boolean NOT NULL GENERATED ALWAYS AS (coalesce(reading #> '{what,isAnnounced}' = 'true', false)) STORED, -- to be fetched first
  PRIMARY KEY (company_id, id),
  UNIQUE (company_id, source, external_id),
  FOREIGN KEY (company_id, contact_id) REFERENCES crm_contacts,
  FOREIGN KEY (company_id, activity_id) REFERENCES crm_activities (company_id, id)
);
CREATE INDEX crm_inbound_events_due ON crm_inbound_events (company_id, is_announced, look_at, id) WHERE state = 'stored';
CREATE INDEX crm_inbound_events_attention ON crm_inbound_events (company_id, received_at, id) WHERE state IN ('unmatched', 'failed');
CREATE INDEX crm_inbound_events_received ON crm_inbound_events (company_id, received_at, id);
CREATE INDEX crm_inbound_events_contact ON crm_inbound_events (company_id, contact_id, received_at) WHERE contact_id IS NOT NULL;
CREATE INDEX crm_inbound_events_bookings ON crm_inbound_events (company_id, source, (reading #>> '{what,uid}')) WHERE kind = 'booking';

-- Too many mails came back: the outbox waits a day.
ALTER TABLE crm_outboxes DROP CONSTRAINT crm_outboxes_cool_reason_check;
ALTER TABLE crm_outboxes ADD CONSTRAINT crm_outboxes_cool_reason_check CHECK (cool_reason IN ('provider', 'circuit', 'bounces'));
