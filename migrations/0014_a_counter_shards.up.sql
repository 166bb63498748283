-- One row a company made every claim and every outcome of it wait for the one before to reach the disk. Each connection counts in a row
-- of its own now; the version is the sum.
-- seen_at is the latest the clock showed: below it the clock went back, and windows that are measured by it count as closed.
ALTER TABLE crm_change_counters ADD COLUMN seen_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE crm_change_counters ADD COLUMN shard smallint NOT NULL DEFAULT 0 CHECK (shard BETWEEN 0 AND 15);
ALTER TABLE crm_change_counters DROP CONSTRAINT crm_change_counters_pkey;
ALTER TABLE crm_change_counters ADD PRIMARY KEY (company_id, shard);
