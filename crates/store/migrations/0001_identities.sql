-- The row of a person. `document` is its public part (traits, addresses, public metadata), rendered once per write, so
-- that a session or a person is read from no other table. The tables of addresses and identifiers below serve to find
-- a person by them, and to keep them unique.
CREATE TABLE identities (
  nid :ID NOT NULL,
  id :ID NOT NULL,
  version :INT NOT NULL,
  schema_id :KEY NOT NULL,
  external_id :KEY,
  state :WORD NOT NULL,
  state_changed_at :TIME,
  metadata_admin :JSON,
  available_aal :WORD NOT NULL,
  organization_id :ID,
  document :JSON NOT NULL,
  created_at :TIME NOT NULL,
  updated_at :TIME NOT NULL,
  PRIMARY KEY (nid, id)
) :TABLE;

CREATE UNIQUE INDEX identities_nid_external_id ON identities (nid, external_id);

CREATE INDEX identities_nid_organization_id ON identities (nid, organization_id, id);

CREATE TABLE credentials (
  nid :ID NOT NULL,
  identity_id :ID NOT NULL,
  type :WORD NOT NULL,
  id :ID NOT NULL,
  identifiers :JSON NOT NULL,
  config :JSON NOT NULL,
  version :INT NOT NULL,
  created_at :TIME NOT NULL,
  updated_at :TIME NOT NULL,
  PRIMARY KEY (nid, identity_id, type),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) :TABLE;

-- The unique index, in binary order, serves equality and prefix scans.
CREATE TABLE credential_identifiers (
  nid :ID NOT NULL,
  identity_id :ID NOT NULL,
  type :WORD NOT NULL,
  identifier :KEY NOT NULL,
  PRIMARY KEY (nid, identity_id, type, identifier),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) :CLUSTERED;

CREATE UNIQUE INDEX credential_identifiers_nid_type_identifier ON credential_identifiers (nid, type, identifier);

CREATE TABLE verifiable_addresses (
  nid :ID NOT NULL,
  identity_id :ID NOT NULL,
  id :ID NOT NULL,
  via :WORD NOT NULL,
  value :KEY NOT NULL,
  verified :BOOL NOT NULL,
  status :WORD NOT NULL,
  verified_at :TIME,
  created_at :TIME NOT NULL,
  updated_at :TIME NOT NULL,
  PRIMARY KEY (nid, identity_id, id),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) :CLUSTERED;

CREATE UNIQUE INDEX verifiable_addresses_nid_via_value ON verifiable_addresses (nid, via, value);

CREATE TABLE recovery_addresses (
  nid :ID NOT NULL,
  identity_id :ID NOT NULL,
  id :ID NOT NULL,
  via :WORD NOT NULL,
  value :KEY NOT NULL,
  created_at :TIME NOT NULL,
  updated_at :TIME NOT NULL,
  PRIMARY KEY (nid, identity_id, id),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) :CLUSTERED;

CREATE UNIQUE INDEX recovery_addresses_nid_via_value ON recovery_addresses (nid, via, value);
