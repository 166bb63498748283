-- The server this database was on when messages were last sent from it. A copy on another server, or a standby that took over, may lack
-- what the old one recorded last. Instance-wide, because there is one server; one row.
CREATE TABLE crm_server (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  system_identifier text,                          -- null where the role may not ask for it
  timeline integer CHECK (timeline > 0)
);
