DROP TABLE crm_server;
