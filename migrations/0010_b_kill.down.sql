ALTER TABLE crm_outboxes
  DROP CONSTRAINT crm_outboxes_kill,
  DROP COLUMN kill_reason,
  DROP COLUMN killed_by,
  DROP COLUMN killed_at;
