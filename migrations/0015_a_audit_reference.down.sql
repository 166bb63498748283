ALTER TABLE crm_audit_log ADD FOREIGN KEY (company_id) REFERENCES crm_companies;
