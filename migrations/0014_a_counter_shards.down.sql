UPDATE crm_change_counters c SET version = s.version
FROM (SELECT company_id, sum(version) AS version FROM crm_change_counters GROUP BY company_id) s
WHERE c.company_id = s.company_id AND c.shard = 0;
DELETE FROM crm_change_counters WHERE shard <> 0;
ALTER TABLE crm_change_counters DROP CONSTRAINT crm_change_counters_pkey;
ALTER TABLE crm_change_counters ADD PRIMARY KEY (company_id);
ALTER TABLE crm_change_counters DROP COLUMN shard, DROP COLUMN seen_at;
