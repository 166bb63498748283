ALTER TABLE crm_company_policies DROP COLUMN reply_stops;
DROP TABLE crm_contact_holds;
DROP TABLE crm_activity_references;
DROP TABLE crm_activity_facts;
