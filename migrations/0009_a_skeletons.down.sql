ALTER TABLE crm_activity_details DROP COLUMN recipients;
DROP INDEX crm_contact_addresses_unread;
DROP INDEX crm_contact_addresses_skeleton;
ALTER TABLE crm_contact_addresses DROP COLUMN skeleton;
