DROP TABLE crm_kill_switches;
ALTER TABLE crm_outboxes
  DROP COLUMN quiet_from, DROP COLUMN quiet_until, DROP COLUMN quiet_days,
  DROP COLUMN ramp_from, DROP COLUMN ramp_start, DROP COLUMN ramp_step,
  DROP COLUMN consent_required, DROP COLUMN fault_streak, DROP COLUMN cool_reason, DROP COLUMN spaced_until;
