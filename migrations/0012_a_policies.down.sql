DROP INDEX crm_activity_details_drafter;
DROP INDEX crm_contact_addresses_domain;
DROP INDEX crm_decisions_batch;
ALTER TABLE crm_decisions DROP COLUMN batch_id;
ALTER TABLE crm_activity_details DROP COLUMN risk, DROP COLUMN risk_reasons, DROP COLUMN is_handwritten;
DROP TABLE crm_contact_inbound;
DROP TABLE crm_consents;
DROP TABLE crm_suppressions;
DROP TABLE crm_company_policies;
