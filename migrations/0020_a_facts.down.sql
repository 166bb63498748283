UPDATE crm_activity_details SET proposed_kind = 'agent' WHERE proposed_kind = 'contact';
ALTER TABLE crm_activity_details DROP CONSTRAINT crm_activity_details_proposed_kind_check;
ALTER TABLE crm_activity_details ADD CONSTRAINT crm_activity_details_proposed_kind_check CHECK (proposed_kind IN ('agent', 'operator'));
ALTER TABLE crm_contact_inbound DROP COLUMN told_at;
ALTER TABLE crm_company_policies DROP COLUMN reply_stops;
DROP TABLE crm_contact_stops;
DROP TABLE crm_contact_holds;
DROP TABLE crm_activity_references;
DROP TABLE crm_activity_facts;
