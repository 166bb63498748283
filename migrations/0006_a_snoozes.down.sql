DROP TABLE crm_snoozes;
