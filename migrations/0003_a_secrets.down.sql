DROP TABLE crm_secrets;
