DROP TABLE crm_inbound_events;
DROP TABLE crm_webhook_endpoints;
