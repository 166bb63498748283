-- Limits of an outbox beside its cap, its circuit, and the kill switches above it.
ALTER TABLE crm_outboxes
  ADD COLUMN quiet_from time,                      -- local time of the recipient from which on nothing is sent
  ADD COLUMN quiet_until time,
  ADD COLUMN quiet_days smallint[] NOT NULL DEFAULT '{}' CHECK (quiet_days <@ '{1,2,3,4,5,6,7}'),   -- ISO weekdays on which nothing is sent
  ADD COLUMN ramp_from date,                       -- first day of the warm-up, by the outbox's zone
  ADD COLUMN ramp_start int CHECK (ramp_start BETWEEN 1 AND 1000000),
  ADD COLUMN ramp_step int CHECK (ramp_step BETWEEN 1 AND 1000000),
  ADD COLUMN consent_required boolean NOT NULL DEFAULT false,
  ADD COLUMN fault_streak int NOT NULL DEFAULT 0,  -- calls without a clear answer since the last clear one
  ADD COLUMN cool_reason text CHECK (cool_reason IN ('provider', 'circuit')),
  ADD COLUMN spaced_until timestamptz,             -- the next message may leave then, on channels that space them
  ADD CONSTRAINT crm_outboxes_quiet CHECK ((quiet_from IS NULL) = (quiet_until IS NULL) AND quiet_from <> quiet_until),
  ADD CONSTRAINT crm_outboxes_ramp CHECK ((ramp_from IS NULL) = (ramp_start IS NULL) AND (ramp_from IS NULL) = (ramp_step IS NULL));

-- One row stops a channel of a company, or with 'all' everything it sends. Only an admin takes it away.
CREATE TABLE crm_kill_switches (
  company_id uuid NOT NULL REFERENCES crm_companies,
  channel text NOT NULL CHECK (channel IN ('all', 'email', 'cal-com', 'linkedin', 'whatsapp', 'instagram', 'dry-run')),
  reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  killed_by text NOT NULL,
  killed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (company_id, channel)
);
