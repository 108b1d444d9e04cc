CREATE TABLE IF NOT EXISTS zelos_migrations (
  name TEXT NOT NULL,
  statement INTEGER NOT NULL,
  done INTEGER NOT NULL,
  PRIMARY KEY (name, statement)
) STRICT;

-- 0001_identities

CREATE TABLE identities (
  nid BLOB NOT NULL,
  id BLOB NOT NULL,
  version INTEGER NOT NULL,
  schema_id TEXT NOT NULL,
  external_id TEXT,
  state TEXT NOT NULL,
  state_changed_at INTEGER,
  metadata_admin TEXT,
  available_aal TEXT NOT NULL,
  organization_id BLOB,
  document TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (nid, id)
) STRICT;

CREATE UNIQUE INDEX identities_nid_external_id ON identities (nid, external_id);

CREATE INDEX identities_nid_organization_id ON identities (nid, organization_id, id);

CREATE TABLE credentials (
  nid BLOB NOT NULL,
  identity_id BLOB NOT NULL,
  type TEXT NOT NULL,
  id BLOB NOT NULL,
  identifiers TEXT NOT NULL,
  config TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (nid, identity_id, type),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE credential_identifiers (
  nid BLOB NOT NULL,
  identity_id BLOB NOT NULL,
  type TEXT NOT NULL,
  identifier TEXT NOT NULL,
  PRIMARY KEY (nid, identity_id, type, identifier),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX credential_identifiers_nid_type_identifier ON credential_identifiers (nid, type, identifier);

CREATE TABLE verifiable_addresses (
  nid BLOB NOT NULL,
  identity_id BLOB NOT NULL,
  id BLOB NOT NULL,
  via TEXT NOT NULL,
  value TEXT NOT NULL,
  verified INTEGER NOT NULL,
  status TEXT NOT NULL,
  verified_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (nid, identity_id, id),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX verifiable_addresses_nid_via_value ON verifiable_addresses (nid, via, value);

CREATE TABLE recovery_addresses (
  nid BLOB NOT NULL,
  identity_id BLOB NOT NULL,
  id BLOB NOT NULL,
  via TEXT NOT NULL,
  value TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (nid, identity_id, id),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX recovery_addresses_nid_via_value ON recovery_addresses (nid, via, value);

-- 0002_sessions

CREATE TABLE sessions (
  nid BLOB NOT NULL,
  id BLOB NOT NULL,
  identity_id BLOB NOT NULL,
  token_hash BLOB NOT NULL,
  active INTEGER NOT NULL,
  issued_at INTEGER NOT NULL,
  authenticated_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  aal TEXT NOT NULL,
  methods TEXT NOT NULL,
  devices TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (nid, id),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) STRICT;

CREATE UNIQUE INDEX sessions_nid_token_hash ON sessions (nid, token_hash);

CREATE INDEX sessions_nid_identity_id ON sessions (nid, identity_id, created_at, id);

CREATE INDEX sessions_nid_created_at ON sessions (nid, created_at, id);

CREATE INDEX sessions_nid_expires_at ON sessions (nid, expires_at);

-- 0003_flows

CREATE TABLE flows (
  nid BLOB NOT NULL,
  id BLOB NOT NULL,
  kind TEXT NOT NULL,
  channel TEXT NOT NULL,
  version INTEGER NOT NULL,
  issued_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (nid, id)
) STRICT;

CREATE INDEX flows_nid_expires_at ON flows (nid, expires_at);

CREATE TABLE error_containers (
  nid BLOB NOT NULL,
  id BLOB NOT NULL,
  document TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (nid, id)
) STRICT;

CREATE INDEX error_containers_nid_created_at ON error_containers (nid, created_at);

-- 0004_messages

CREATE TABLE messages (
  nid BLOB NOT NULL,
  id BLOB NOT NULL,
  channel TEXT NOT NULL,
  recipient TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  template_type TEXT NOT NULL,
  template_data TEXT NOT NULL,
  request_headers TEXT NOT NULL,
  status TEXT NOT NULL,
  send_count INTEGER NOT NULL,
  expires_at INTEGER,
  due_at INTEGER,
  lease BLOB,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (nid, id)
) STRICT;

CREATE INDEX messages_nid_due_at ON messages (nid, due_at);

CREATE INDEX messages_nid_created_at ON messages (nid, created_at, id);

CREATE INDEX messages_nid_status ON messages (nid, status, created_at, id);

CREATE INDEX messages_nid_recipient ON messages (nid, recipient, created_at, id);

CREATE TABLE message_dispatches (
  nid BLOB NOT NULL,
  message_id BLOB NOT NULL,
  id BLOB NOT NULL,
  error TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (nid, message_id, id),
  FOREIGN KEY (nid, message_id) REFERENCES messages (nid, id) ON DELETE CASCADE
) STRICT;

-- 0005_attempts

CREATE TABLE attempts (
  nid BLOB NOT NULL,
  key_hash BLOB NOT NULL,
  n INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (nid, key_hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_nid_expires_at ON attempts (nid, expires_at);

-- 0006_leases

CREATE TABLE leases (
  nid BLOB NOT NULL,
  work TEXT NOT NULL,
  owner BLOB NOT NULL,
  ends_at INTEGER NOT NULL,
  PRIMARY KEY (nid, work)
) STRICT;

-- 0007_audit

CREATE TABLE audit_events (
  nid BLOB NOT NULL,
  id BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  identity_id BLOB,
  session_id BLOB,
  actor TEXT NOT NULL,
  ip_address TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  method TEXT NOT NULL,
  details TEXT NOT NULL,
  PRIMARY KEY (nid, id)
) STRICT;

CREATE INDEX audit_events_nid_identity_id ON audit_events (nid, identity_id, id);

-- 0008_imports

CREATE TABLE imports (
  nid BLOB NOT NULL,
  source BLOB NOT NULL,
  stage TEXT NOT NULL,
  last_id BLOB,
  taken INTEGER NOT NULL,
  lost INTEGER NOT NULL,
  done INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (nid, source, stage)
) STRICT;

-- 0009_indexed_traits

CREATE TABLE indexed_traits (
  nid BLOB NOT NULL,
  identity_id BLOB NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (nid, identity_id, name),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX indexed_traits_nid_name_value ON indexed_traits (nid, name, value, identity_id);

CREATE TABLE trait_indexes (
  nid BLOB NOT NULL,
  schema_id TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  PRIMARY KEY (nid, schema_id, name)
) STRICT;

CREATE INDEX identities_nid_created_at ON identities (nid, created_at, id);

CREATE INDEX identities_nid_updated_at ON identities (nid, updated_at, id);

CREATE INDEX identities_nid_state ON identities (nid, state, id);

-- 0010_remote_documents

CREATE TABLE remote_documents (
  nid BLOB NOT NULL,
  url_hash BLOB NOT NULL,
  url TEXT NOT NULL,
  content BLOB NOT NULL,
  fetched_at INTEGER NOT NULL,
  PRIMARY KEY (nid, url_hash)
) STRICT;
