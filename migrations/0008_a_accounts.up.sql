-- What is known of accounts and contacts beyond their names, as imported. Value is in the currency's smallest unit.
ALTER TABLE crm_accounts
  ADD COLUMN domain text CHECK (length(domain) BETWEEN 3 AND 253),
  ADD COLUMN tier smallint CHECK (tier BETWEEN 1 AND 5),
  ADD COLUMN value_minor bigint CHECK (value_minor >= 0),
  ADD COLUMN currency char(3) CHECK (currency ~ '^[A-Z]{3}$'),
  ADD COLUMN country char(2) CHECK (country ~ '^[A-Z]{2}$'),
  ADD CONSTRAINT crm_accounts_money CHECK ((value_minor IS NULL) = (currency IS NULL));
ALTER TABLE crm_contacts ADD COLUMN country char(2) CHECK (country ~ '^[A-Z]{2}$');
CREATE INDEX crm_contacts_name ON crm_contacts (company_id, name, id);
CREATE INDEX crm_contacts_account ON crm_contacts (company_id, account_id, name, id);
CREATE INDEX crm_contact_addresses_contact ON crm_contact_addresses (company_id, contact_id);
