-- What an address looks like: two addresses with one skeleton (UTS #39) are easily taken for each other. Written by the program,
-- because SQL cannot compute it; rows from before have none until the next approval fills them.
ALTER TABLE crm_contact_addresses ADD COLUMN skeleton text;
CREATE INDEX crm_contact_addresses_skeleton ON crm_contact_addresses (company_id, skeleton) WHERE skeleton IS NOT NULL;
CREATE INDEX crm_contact_addresses_unread ON crm_contact_addresses (company_id, kind, address) WHERE skeleton IS NULL;

-- Everyone who would receive it, normalised as contacts are, so that a bulk approval need not open every envelope.
ALTER TABLE crm_activity_details ADD COLUMN recipients text[];
