-- What an operator does not want to see before a time. It hides a draft from that operator's list and changes nothing else.
CREATE TABLE crm_snoozes (
  company_id uuid NOT NULL,
  operator_id uuid NOT NULL,
  activity_id uuid NOT NULL,
  until timestamptz NOT NULL,
  PRIMARY KEY (company_id, operator_id, activity_id),
  FOREIGN KEY (company_id, operator_id) REFERENCES crm_operators,
  FOREIGN KEY (company_id, activity_id) REFERENCES crm_activities
);
