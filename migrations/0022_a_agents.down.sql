DROP TABLE crm_agent_tokens;
DROP TABLE crm_agents;
