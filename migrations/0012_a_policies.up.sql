-- What a company asks of every message beyond the allowlist, who must not be written to, and what is known of the other side.

-- No row: nothing is configured. A limit that is NULL is off.
CREATE TABLE crm_company_policies (
  company_id uuid PRIMARY KEY REFERENCES crm_companies,
  contact_per_day int CHECK (contact_per_day BETWEEN 1 AND 100),        -- messages to one contact in 24 hours, over all channels
  account_per_week int CHECK (account_per_week BETWEEN 1 AND 1000),     -- messages to one account in 7 days
  four_eyes boolean NOT NULL DEFAULT false,                             -- what is of high risk needs a second person
  high_value_minor bigint CHECK (high_value_minor >= 0),                -- an account worth as much or more is of high risk
  high_value_currency char(3) CHECK (high_value_currency ~ '^[A-Z]{3}$'),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((high_value_minor IS NULL) = (high_value_currency IS NULL))
);

-- By identity, over all channels and outboxes of the company.
CREATE TABLE crm_suppressions (
  company_id uuid NOT NULL REFERENCES crm_companies,
  kind text NOT NULL CHECK (kind IN ('email', 'phone', 'handle')),
  address text NOT NULL CHECK (length(address) BETWEEN 1 AND 320),      -- normalised as contacts' addresses are
  reason text NOT NULL CHECK (reason IN ('unsubscribe', 'complaint', 'hard_bounce', 'manual', 'erased')),
  note text CHECK (length(note) <= 500),
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  PRIMARY KEY (company_id, address, kind)
);

-- What a contact said about being written to on one channel.
CREATE TABLE crm_consents (
  company_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  channel text NOT NULL CHECK (channel IN ('email', 'cal-com', 'linkedin', 'whatsapp', 'instagram')),
  state text NOT NULL CHECK (state IN ('granted', 'withdrawn')),
  evidence text NOT NULL CHECK (length(evidence) BETWEEN 1 AND 500),
  at timestamptz NOT NULL DEFAULT now(),
  recorded_by text NOT NULL,
  PRIMARY KEY (company_id, contact_id, channel),
  FOREIGN KEY (company_id, contact_id) REFERENCES crm_contacts
);

-- When a contact last wrote on each channel, so that a batch asks one small table and not the history.
CREATE TABLE crm_contact_inbound (
  company_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  channel text NOT NULL,
  last_at timestamptz NOT NULL,
  PRIMARY KEY (company_id, contact_id, channel),
  FOREIGN KEY (company_id, contact_id) REFERENCES crm_contacts
);
INSERT INTO crm_contact_inbound (company_id, contact_id, channel, last_at)
SELECT company_id, contact_id, channel, max(created_at) FROM crm_activities WHERE status = 'received' GROUP BY 1, 2, 3;

ALTER TABLE crm_activity_details
  ADD COLUMN risk text NOT NULL DEFAULT 'low' CHECK (risk IN ('low', 'mid', 'high')),
  ADD COLUMN risk_reasons text[] NOT NULL DEFAULT '{}',
  ADD COLUMN is_handwritten boolean NOT NULL DEFAULT false;             -- a person wrote or edited the words it has now
UPDATE crm_activity_details SET is_handwritten = true WHERE proposed_kind = 'operator';
-- Nobody judged what waits already; until somebody does it is worth a second look.
UPDATE crm_activity_details e SET risk = 'high', risk_reasons = '{filed before risk was judged}'
FROM crm_activities a WHERE a.company_id = e.company_id AND a.id = e.activity_id AND a.stage IN ('draft', 'queue');

-- Decisions that were made together can be taken back together.
ALTER TABLE crm_decisions ADD COLUMN batch_id uuid;
CREATE INDEX crm_decisions_batch ON crm_decisions (company_id, batch_id, activity_id) WHERE batch_id IS NOT NULL;

-- Who was written to at a domain, and what one drafter wrote: risk asks both.
CREATE INDEX crm_contact_addresses_domain ON crm_contact_addresses (company_id, split_part(address, '@', 2)) WHERE kind = 'email';
CREATE INDEX crm_activity_details_drafter ON crm_activity_details (company_id, proposed_by, activity_id);
