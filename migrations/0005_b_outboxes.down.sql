ALTER TABLE crm_activities DROP CONSTRAINT crm_activities_outbox;
DROP TABLE crm_credential_buckets;
DROP TABLE crm_outboxes;
