DROP INDEX crm_contact_addresses_contact;
DROP INDEX crm_contacts_account;
DROP INDEX crm_contacts_name;
ALTER TABLE crm_contacts DROP COLUMN country;
ALTER TABLE crm_accounts
  DROP CONSTRAINT crm_accounts_money,
  DROP COLUMN country,
  DROP COLUMN currency,
  DROP COLUMN value_minor,
  DROP COLUMN tier,
  DROP COLUMN domain;
