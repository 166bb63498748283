DROP TABLE crm_files;
