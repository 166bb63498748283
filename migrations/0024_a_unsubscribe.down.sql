ALTER TABLE crm_company_policies DROP COLUMN unsubscribe_url;
DROP TABLE crm_unsubscribe_links;
