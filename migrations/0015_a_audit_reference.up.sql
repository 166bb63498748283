-- Every row of the log looked its company up and locked it, several times as many locks as there are messages, all on one row. Whoever
-- writes the log has read the company before, and a company cannot go while anything else names it.
ALTER TABLE crm_audit_log DROP CONSTRAINT crm_audit_log_company_id_fkey;
