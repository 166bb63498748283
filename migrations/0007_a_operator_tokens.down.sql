DROP TABLE crm_operator_tokens;
