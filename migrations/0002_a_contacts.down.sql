DROP TABLE crm_allowlist;
DROP TABLE crm_contact_addresses;
DROP TABLE crm_contacts;
DROP TABLE crm_accounts;
