UPDATE crm_outboxes SET cool_reason = 'provider' WHERE cool_reason = 'bounces';
ALTER TABLE crm_outboxes DROP CONSTRAINT crm_outboxes_cool_reason_check;
ALTER TABLE crm_outboxes ADD CONSTRAINT crm_outboxes_cool_reason_check CHECK (cool_reason IN ('provider', 'circuit'));
DROP TABLE crm_inbound_events;
DROP TABLE crm_webhook_endpoints;
