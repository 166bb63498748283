-- The kill switch of an outbox: a stop that only an admin lifts. A killed outbox is never enabled, so every statement that asks
-- whether it may send, the one before the wire included, needs no second question.
ALTER TABLE crm_outboxes
  ADD COLUMN killed_at timestamptz,
  ADD COLUMN killed_by text,
  ADD COLUMN kill_reason text,
  ADD CONSTRAINT crm_outboxes_kill CHECK (
    killed_at IS NULL AND killed_by IS NULL AND kill_reason IS NULL
    OR killed_at IS NOT NULL AND killed_by IS NOT NULL AND kill_reason IS NOT NULL AND NOT enabled);
