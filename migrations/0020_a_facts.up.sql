-- What became of messages after they were sent, and what is known of contacts from what they sent.

-- Dated facts, never statuses. One row a fact, with its earliest time: whatever the order they were told in, the rows are the same.
CREATE TABLE crm_activity_facts (
  company_id uuid NOT NULL,
  activity_id uuid NOT NULL,
  fact text NOT NULL CHECK (fact IN ('accepted', 'delayed', 'delivered', 'opened', 'clicked', 'read', 'replied', 'booked', 'cancelled',
    'soft_bounced', 'bounced', 'failed', 'complained', 'unsubscribed')),
  at timestamptz NOT NULL,
  told_at timestamptz NOT NULL DEFAULT now(),
  detail text CHECK (length(detail) <= 500),
  PRIMARY KEY (company_id, activity_id, fact),
  FOREIGN KEY (company_id, activity_id) REFERENCES crm_activities (company_id, id)
);
-- Health of an outbox counts the bad ones of the last days.
CREATE INDEX crm_activity_facts_bad ON crm_activity_facts (company_id, at) WHERE fact IN ('bounced', 'complained');

-- Names other than the provider's own id that a reply may call a message by: Message-IDs, ids that an echo brought.
CREATE TABLE crm_activity_references (
  company_id uuid NOT NULL,
  reference text NOT NULL CHECK (length(reference) BETWEEN 1 AND 1000),
  activity_id uuid NOT NULL,
  PRIMARY KEY (company_id, reference),
  FOREIGN KEY (company_id, activity_id) REFERENCES crm_activities (company_id, id)
);

-- Nothing leaves for the contact before that time: they are away, or what they wrote is not read yet.
CREATE TABLE crm_contact_holds (
  company_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  code text NOT NULL CHECK (code IN ('away', 'unread')),
  event_id uuid NOT NULL,                          -- what is not read yet; the nil uuid for who is away
  until timestamptz NOT NULL,
  PRIMARY KEY (company_id, contact_id, code, event_id),
  FOREIGN KEY (company_id, contact_id) REFERENCES crm_contacts
);

-- What was written before that time for the contact is stopped: somebody of their account wrote, or a meeting was booked. What the contact
-- themselves wrote is in crm_contact_inbound.
CREATE TABLE crm_contact_stops (
  company_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  code text NOT NULL CHECK (code IN ('replied', 'booked')),
  at timestamptz NOT NULL,
  PRIMARY KEY (company_id, contact_id, code),
  FOREIGN KEY (company_id, contact_id) REFERENCES crm_contacts
);

-- Whether a reply stops what waits for the contact alone, or for everybody of the account.
ALTER TABLE crm_company_policies ADD COLUMN reply_stops text NOT NULL DEFAULT 'contact' CHECK (reply_stops IN ('contact', 'account'));

-- last_at is when the contact wrote, by the provider's clock: windows count from it. told_at is when we were told: words that were
-- written in between were written without knowing.
ALTER TABLE crm_contact_inbound ADD COLUMN told_at timestamptz;

-- What a contact wrote was proposed by nobody of ours.
ALTER TABLE crm_activity_details DROP CONSTRAINT crm_activity_details_proposed_kind_check;
ALTER TABLE crm_activity_details ADD CONSTRAINT crm_activity_details_proposed_kind_check CHECK (proposed_kind IN ('agent', 'operator', 'contact'));
