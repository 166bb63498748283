DROP TABLE crm_sync_cursors;
