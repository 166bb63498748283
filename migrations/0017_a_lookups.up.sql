-- What providers said when they were asked about a message whose end nobody knew. Rows are only added: they are evidence.
CREATE TABLE crm_lookups (
  company_id uuid NOT NULL,
  activity_id uuid NOT NULL,
  round int NOT NULL,
  number smallint NOT NULL CHECK (number > 0),     -- of this round
  at timestamptz NOT NULL DEFAULT now(),
  asked_by text NOT NULL,
  finding text NOT NULL CHECK (finding IN ('sent', 'not_sent', 'absent', 'unclear', 'impossible')),
  provider_ref text,
  why text NOT NULL CHECK (length(why) <= 500),
  PRIMARY KEY (company_id, activity_id, round, number),
  FOREIGN KEY (company_id, activity_id) REFERENCES crm_activities (company_id, id)
);
