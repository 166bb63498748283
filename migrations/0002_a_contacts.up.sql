-- Who is written to, and who may be written to.
CREATE TABLE crm_accounts (
  company_id uuid NOT NULL REFERENCES crm_companies,
  id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (company_id, id),
  UNIQUE (company_id, name)
);

CREATE TABLE crm_contacts (
  company_id uuid NOT NULL REFERENCES crm_companies,
  id uuid NOT NULL,
  account_id uuid,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  locale text,                                     -- BCP 47
  zone text,                                       -- IANA time zone
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (company_id, id),
  FOREIGN KEY (company_id, account_id) REFERENCES crm_accounts
);

-- One identity belongs to one contact; suppression and correlation will look here too.
CREATE TABLE crm_contact_addresses (
  company_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('email', 'phone', 'handle')),
  address text NOT NULL CHECK (length(address) BETWEEN 1 AND 320),   -- normalised: lower-case mail, E.164, handle as given
  contact_id uuid NOT NULL,
  PRIMARY KEY (company_id, kind, address),
  FOREIGN KEY (company_id, contact_id) REFERENCES crm_contacts
);

CREATE TABLE crm_allowlist (
  company_id uuid NOT NULL REFERENCES crm_companies,
  entry text NOT NULL CHECK (length(entry) BETWEEN 1 AND 320),       -- ana@example.com, @example.com, +4479*, handle, *
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  PRIMARY KEY (company_id, entry)
);
