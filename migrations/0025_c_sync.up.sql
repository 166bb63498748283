-- How far each list of a provider was read for what its webhooks missed.

CREATE TABLE crm_sync_cursors (
  company_id uuid NOT NULL,
  outbox_id uuid NOT NULL,                         -- whose credential is used
  list text NOT NULL CHECK (length(list) BETWEEN 1 AND 40),
  seen_until timestamptz NOT NULL DEFAULT clock_timestamp(), -- everything older is known
  walk_until timestamptz,                          -- when the list that is being read was begun: its end makes this seen_until
  place text CHECK (length(place) <= 2000),        -- where the page before ended, in the middle of a list
  look_at timestamptz NOT NULL,                    -- also the lease of whoever reads it
  tries smallint NOT NULL DEFAULT 0,
  secret_version int,                              -- whose use is in the audit log
  shut_version int,                                -- which the provider refused
  shut_at timestamptz,                             -- when it last did
  succeeded_at timestamptz,
  error text CHECK (length(error) <= 500),
  PRIMARY KEY (company_id, outbox_id, list),
  FOREIGN KEY (company_id, outbox_id) REFERENCES crm_outboxes (company_id, id)
) WITH (fillfactor = 50);
