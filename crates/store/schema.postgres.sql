CREATE TABLE IF NOT EXISTS zelos_migrations (
  name TEXT COLLATE "C" NOT NULL,
  statement BIGINT NOT NULL,
  done BOOLEAN NOT NULL,
  PRIMARY KEY (name, statement)
);

-- 0001_identities

CREATE TABLE identities (
  nid UUID NOT NULL,
  id UUID NOT NULL,
  version BIGINT NOT NULL,
  schema_id TEXT COLLATE "C" NOT NULL,
  external_id TEXT COLLATE "C",
  state TEXT COLLATE "C" NOT NULL,
  state_changed_at TIMESTAMPTZ,
  metadata_admin TEXT,
  available_aal TEXT COLLATE "C" NOT NULL,
  organization_id UUID,
  document TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (nid, id)
);

CREATE UNIQUE INDEX identities_nid_external_id ON identities (nid, external_id);

CREATE INDEX identities_nid_organization_id ON identities (nid, organization_id, id);

CREATE TABLE credentials (
  nid UUID NOT NULL,
  identity_id UUID NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  id UUID NOT NULL,
  identifiers TEXT NOT NULL,
  config TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (nid, identity_id, type),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
);

CREATE TABLE credential_identifiers (
  nid UUID NOT NULL,
  identity_id UUID NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  identifier TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (nid, identity_id, type, identifier),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX credential_identifiers_nid_type_identifier ON credential_identifiers (nid, type, identifier);

CREATE TABLE verifiable_addresses (
  nid UUID NOT NULL,
  identity_id UUID NOT NULL,
  id UUID NOT NULL,
  via TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  verified BOOLEAN NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  verified_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (nid, identity_id, id),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX verifiable_addresses_nid_via_value ON verifiable_addresses (nid, via, value);

CREATE TABLE recovery_addresses (
  nid UUID NOT NULL,
  identity_id UUID NOT NULL,
  id UUID NOT NULL,
  via TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (nid, identity_id, id),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX recovery_addresses_nid_via_value ON recovery_addresses (nid, via, value);

-- 0002_sessions

CREATE TABLE sessions (
  nid UUID NOT NULL,
  id UUID NOT NULL,
  identity_id UUID NOT NULL,
  token_hash BYTEA NOT NULL,
  active BOOLEAN NOT NULL,
  issued_at TIMESTAMPTZ NOT NULL,
  authenticated_at TIMESTAMPTZ NOT NULL,
  expires_at TIMESTAMPTZ NOT NULL,
  aal TEXT COLLATE "C" NOT NULL,
  methods TEXT NOT NULL,
  devices TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (nid, id),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX sessions_nid_token_hash ON sessions (nid, token_hash);

CREATE INDEX sessions_nid_identity_id ON sessions (nid, identity_id, created_at, id);

CREATE INDEX sessions_nid_created_at ON sessions (nid, created_at, id);

CREATE INDEX sessions_nid_expires_at ON sessions (nid, expires_at);

-- 0003_flows

CREATE TABLE flows (
  nid UUID NOT NULL,
  id UUID NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  channel TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  issued_at TIMESTAMPTZ NOT NULL,
  expires_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (nid, id)
);

CREATE INDEX flows_nid_expires_at ON flows (nid, expires_at);

CREATE TABLE error_containers (
  nid UUID NOT NULL,
  id UUID NOT NULL,
  document TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (nid, id)
);

CREATE INDEX error_containers_nid_created_at ON error_containers (nid, created_at);

-- 0004_messages

CREATE TABLE messages (
  nid UUID NOT NULL,
  id UUID NOT NULL,
  channel TEXT COLLATE "C" NOT NULL,
  recipient TEXT COLLATE "C" NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  template_type TEXT COLLATE "C" NOT NULL,
  template_data TEXT NOT NULL,
  request_headers TEXT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  send_count BIGINT NOT NULL,
  expires_at TIMESTAMPTZ,
  due_at TIMESTAMPTZ,
  lease UUID,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (nid, id)
);

CREATE INDEX messages_nid_due_at ON messages (nid, due_at);

CREATE INDEX messages_nid_created_at ON messages (nid, created_at, id);

CREATE INDEX messages_nid_status ON messages (nid, status, created_at, id);

CREATE INDEX messages_nid_recipient ON messages (nid, recipient, created_at, id);

CREATE TABLE message_dispatches (
  nid UUID NOT NULL,
  message_id UUID NOT NULL,
  id UUID NOT NULL,
  error TEXT,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (nid, message_id, id),
  FOREIGN KEY (nid, message_id) REFERENCES messages (nid, id) ON DELETE CASCADE
);

-- 0005_attempts

CREATE TABLE attempts (
  nid UUID NOT NULL,
  key_hash BYTEA NOT NULL,
  n BIGINT NOT NULL,
  expires_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (nid, key_hash)
);

CREATE INDEX attempts_nid_expires_at ON attempts (nid, expires_at);

-- 0006_leases

CREATE TABLE leases (
  nid UUID NOT NULL,
  work TEXT COLLATE "C" NOT NULL,
  owner UUID NOT NULL,
  ends_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (nid, work)
);

-- 0007_audit

CREATE TABLE audit_events (
  nid UUID NOT NULL,
  id UUID NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  identity_id UUID,
  session_id UUID,
  actor TEXT NOT NULL,
  ip_address TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  method TEXT COLLATE "C" NOT NULL,
  details TEXT NOT NULL,
  PRIMARY KEY (nid, id)
);

CREATE INDEX audit_events_nid_identity_id ON audit_events (nid, identity_id, id);

-- 0008_imports

CREATE TABLE imports (
  nid UUID NOT NULL,
  source UUID NOT NULL,
  stage TEXT COLLATE "C" NOT NULL,
  last_id UUID,
  taken BIGINT NOT NULL,
  lost BIGINT NOT NULL,
  done BOOLEAN NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (nid, source, stage)
);

-- 0009_indexed_traits

CREATE TABLE indexed_traits (
  nid UUID NOT NULL,
  identity_id UUID NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (nid, identity_id, name),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
);

CREATE INDEX indexed_traits_nid_name_value ON indexed_traits (nid, name, value, identity_id);

CREATE TABLE trait_indexes (
  nid UUID NOT NULL,
  schema_id TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (nid, schema_id, name)
);

CREATE INDEX identities_nid_created_at ON identities (nid, created_at, id);

CREATE INDEX identities_nid_updated_at ON identities (nid, updated_at, id);

CREATE INDEX identities_nid_state ON identities (nid, state, id);

-- 0010_remote_documents

CREATE TABLE remote_documents (
  nid UUID NOT NULL,
  url_hash BYTEA NOT NULL,
  url TEXT NOT NULL,
  content BYTEA NOT NULL,
  fetched_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (nid, url_hash)
);
