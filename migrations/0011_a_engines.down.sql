DROP TABLE crm_engine_processes;
