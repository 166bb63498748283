DROP TABLE crm_audit_log;
DROP TABLE crm_operators;
DROP TABLE crm_change_counters;
DROP TABLE crm_companies;
