-- Processes that run an engine against this database, as they last told. Nothing is decided by it: leases decide who works on what.
-- Instance-wide, because an engine works for every company.
CREATE TABLE crm_engine_processes (
  id uuid PRIMARY KEY,
  mode text NOT NULL CHECK (mode IN ('console', 'serve', 'dispatch')),
  host text NOT NULL CHECK (length(host) BETWEEN 1 AND 255),
  pid integer NOT NULL CHECK (pid > 0),
  version text NOT NULL CHECK (length(version) BETWEEN 1 AND 100),
  parts jsonb NOT NULL DEFAULT '[]',               -- its tasks with their states
  started_at timestamptz NOT NULL DEFAULT now(),
  seen_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
