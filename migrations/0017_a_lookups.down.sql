DROP TABLE crm_lookups;
