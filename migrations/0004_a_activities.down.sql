DROP TABLE crm_dispatch_attempts;
DROP TABLE crm_dispatch_claims;
DROP TABLE crm_activity_details;
DROP TABLE crm_activities;
DROP FUNCTION crm_guard();
DROP TABLE crm_decisions;
DROP TABLE crm_payloads;
DROP TABLE crm_status_transitions;
