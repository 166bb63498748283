-- Links that end being written to, each of one message. Whoever reads this table cannot follow one.
CREATE TABLE crm_unsubscribe_links (
  token_sha256 bytea PRIMARY KEY CHECK (octet_length(token_sha256) = 32), -- of 256 random bits
  company_id uuid NOT NULL,
  activity_id uuid NOT NULL,
  used_at timestamptz,
  FOREIGN KEY (company_id, activity_id) REFERENCES crm_activities (company_id, id)
);

-- Where links lead: the listener as it is reached from outside. NULL: mails carry none of ours.
ALTER TABLE crm_company_policies ADD COLUMN unsubscribe_url text CHECK (length(unsubscribe_url) BETWEEN 1 AND 300);
