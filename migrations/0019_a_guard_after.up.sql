-- A trigger that runs before an update locks the old row first, in the log as well, whether or not its condition then passes: once more
-- for every claim, wire and outcome. One that runs after it sees the same two rows and refuses the same changes. Its name sorts before
-- those of the foreign keys, so that what it says about a change is still said first.
DROP TRIGGER crm_guard_update ON crm_activities;
CREATE TRIGGER "CRM_guard_update" AFTER UPDATE ON crm_activities FOR EACH ROW WHEN (NOT (
  ROW(OLD.company_id, OLD.id, OLD.outbox_id, OLD.contact_id, OLD.channel, OLD.kind, OLD.round, OLD.payload_sha256) IS NOT DISTINCT FROM
  ROW(NEW.company_id, NEW.id, NEW.outbox_id, NEW.contact_id, NEW.channel, NEW.kind, NEW.round, NEW.payload_sha256) AND
  (OLD.status = NEW.status AND (OLD.wire_at IS NULL OR NEW.wire_at IS NOT NULL)
    OR (OLD.status, NEW.status) IN (('approved', 'dispatching'), ('dispatching', 'sent'), ('dispatching', 'sent_dryrun')))))
  EXECUTE FUNCTION crm_guard();
