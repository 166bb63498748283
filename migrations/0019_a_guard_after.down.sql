DROP TRIGGER "CRM_guard_update" ON crm_activities;
CREATE TRIGGER crm_guard_update BEFORE UPDATE ON crm_activities FOR EACH ROW WHEN (NOT (
  ROW(OLD.company_id, OLD.id, OLD.outbox_id, OLD.contact_id, OLD.channel, OLD.kind, OLD.round, OLD.payload_sha256) IS NOT DISTINCT FROM
  ROW(NEW.company_id, NEW.id, NEW.outbox_id, NEW.contact_id, NEW.channel, NEW.kind, NEW.round, NEW.payload_sha256) AND
  (OLD.status = NEW.status AND (OLD.wire_at IS NULL OR NEW.wire_at IS NOT NULL)
    OR (OLD.status, NEW.status) IN (('approved', 'dispatching'), ('dispatching', 'sent'), ('dispatching', 'sent_dryrun')))))
  EXECUTE FUNCTION crm_guard();
