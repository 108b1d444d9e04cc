CREATE TABLE IF NOT EXISTS zelos_migrations (
  name VARCHAR(64) NOT NULL,
  statement BIGINT NOT NULL,
  done BOOLEAN NOT NULL,
  PRIMARY KEY (name, statement)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- 0001_identities

CREATE TABLE identities (
  nid BINARY(16) NOT NULL,
  id BINARY(16) NOT NULL,
  version BIGINT NOT NULL,
  schema_id VARCHAR(512) NOT NULL,
  external_id VARCHAR(512),
  state VARCHAR(64) NOT NULL,
  state_changed_at DATETIME(6),
  metadata_admin LONGTEXT,
  available_aal VARCHAR(64) NOT NULL,
  organization_id BINARY(16),
  document LONGTEXT NOT NULL,
  created_at DATETIME(6) NOT NULL,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (nid, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE UNIQUE INDEX identities_nid_external_id ON identities (nid, external_id);

CREATE INDEX identities_nid_organization_id ON identities (nid, organization_id, id);

CREATE TABLE credentials (
  nid BINARY(16) NOT NULL,
  identity_id BINARY(16) NOT NULL,
  type VARCHAR(64) NOT NULL,
  id BINARY(16) NOT NULL,
  identifiers LONGTEXT NOT NULL,
  config LONGTEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at DATETIME(6) NOT NULL,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (nid, identity_id, type),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE credential_identifiers (
  nid BINARY(16) NOT NULL,
  identity_id BINARY(16) NOT NULL,
  type VARCHAR(64) NOT NULL,
  identifier VARCHAR(512) NOT NULL,
  PRIMARY KEY (nid, identity_id, type, identifier),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE UNIQUE INDEX credential_identifiers_nid_type_identifier ON credential_identifiers (nid, type, identifier);

CREATE TABLE verifiable_addresses (
  nid BINARY(16) NOT NULL,
  identity_id BINARY(16) NOT NULL,
  id BINARY(16) NOT NULL,
  via VARCHAR(64) NOT NULL,
  value VARCHAR(512) NOT NULL,
  verified BOOLEAN NOT NULL,
  status VARCHAR(64) NOT NULL,
  verified_at DATETIME(6),
  created_at DATETIME(6) NOT NULL,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (nid, identity_id, id),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE UNIQUE INDEX verifiable_addresses_nid_via_value ON verifiable_addresses (nid, via, value);

CREATE TABLE recovery_addresses (
  nid BINARY(16) NOT NULL,
  identity_id BINARY(16) NOT NULL,
  id BINARY(16) NOT NULL,
  via VARCHAR(64) NOT NULL,
  value VARCHAR(512) NOT NULL,
  created_at DATETIME(6) NOT NULL,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (nid, identity_id, id),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE UNIQUE INDEX recovery_addresses_nid_via_value ON recovery_addresses (nid, via, value);

-- 0002_sessions

CREATE TABLE sessions (
  nid BINARY(16) NOT NULL,
  id BINARY(16) NOT NULL,
  identity_id BINARY(16) NOT NULL,
  token_hash VARBINARY(64) NOT NULL,
  active BOOLEAN NOT NULL,
  issued_at DATETIME(6) NOT NULL,
  authenticated_at DATETIME(6) NOT NULL,
  expires_at DATETIME(6) NOT NULL,
  aal VARCHAR(64) NOT NULL,
  methods LONGTEXT NOT NULL,
  devices LONGTEXT NOT NULL,
  created_at DATETIME(6) NOT NULL,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (nid, id),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE UNIQUE INDEX sessions_nid_token_hash ON sessions (nid, token_hash);

CREATE INDEX sessions_nid_identity_id ON sessions (nid, identity_id, created_at, id);

CREATE INDEX sessions_nid_created_at ON sessions (nid, created_at, id);

CREATE INDEX sessions_nid_expires_at ON sessions (nid, expires_at);

-- 0003_flows

CREATE TABLE flows (
  nid BINARY(16) NOT NULL,
  id BINARY(16) NOT NULL,
  kind VARCHAR(64) NOT NULL,
  channel VARCHAR(64) NOT NULL,
  version BIGINT NOT NULL,
  issued_at DATETIME(6) NOT NULL,
  expires_at DATETIME(6) NOT NULL,
  updated_at DATETIME(6) NOT NULL,
  document LONGTEXT NOT NULL,
  PRIMARY KEY (nid, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX flows_nid_expires_at ON flows (nid, expires_at);

CREATE TABLE error_containers (
  nid BINARY(16) NOT NULL,
  id BINARY(16) NOT NULL,
  document LONGTEXT NOT NULL,
  created_at DATETIME(6) NOT NULL,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (nid, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX error_containers_nid_created_at ON error_containers (nid, created_at);

-- 0004_messages

CREATE TABLE messages (
  nid BINARY(16) NOT NULL,
  id BINARY(16) NOT NULL,
  channel VARCHAR(64) NOT NULL,
  recipient VARCHAR(512) NOT NULL,
  subject LONGTEXT NOT NULL,
  body LONGTEXT NOT NULL,
  template_type VARCHAR(64) NOT NULL,
  template_data LONGTEXT NOT NULL,
  request_headers LONGTEXT NOT NULL,
  status VARCHAR(64) NOT NULL,
  send_count BIGINT NOT NULL,
  expires_at DATETIME(6),
  due_at DATETIME(6),
  lease BINARY(16),
  created_at DATETIME(6) NOT NULL,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (nid, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX messages_nid_due_at ON messages (nid, due_at);

CREATE INDEX messages_nid_created_at ON messages (nid, created_at, id);

CREATE INDEX messages_nid_status ON messages (nid, status, created_at, id);

CREATE INDEX messages_nid_recipient ON messages (nid, recipient, created_at, id);

CREATE TABLE message_dispatches (
  nid BINARY(16) NOT NULL,
  message_id BINARY(16) NOT NULL,
  id BINARY(16) NOT NULL,
  error LONGTEXT,
  created_at DATETIME(6) NOT NULL,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (nid, message_id, id),
  FOREIGN KEY (nid, message_id) REFERENCES messages (nid, id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- 0005_attempts

CREATE TABLE attempts (
  nid BINARY(16) NOT NULL,
  key_hash VARBINARY(64) NOT NULL,
  n BIGINT NOT NULL,
  expires_at DATETIME(6) NOT NULL,
  PRIMARY KEY (nid, key_hash)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX attempts_nid_expires_at ON attempts (nid, expires_at);

-- 0006_leases

CREATE TABLE leases (
  nid BINARY(16) NOT NULL,
  work VARCHAR(64) NOT NULL,
  owner BINARY(16) NOT NULL,
  ends_at DATETIME(6) NOT NULL,
  PRIMARY KEY (nid, work)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- 0007_audit

CREATE TABLE audit_events (
  nid BINARY(16) NOT NULL,
  id BINARY(16) NOT NULL,
  created_at DATETIME(6) NOT NULL,
  kind VARCHAR(64) NOT NULL,
  identity_id BINARY(16),
  session_id BINARY(16),
  actor LONGTEXT NOT NULL,
  ip_address LONGTEXT NOT NULL,
  user_agent LONGTEXT NOT NULL,
  method VARCHAR(64) NOT NULL,
  details LONGTEXT NOT NULL,
  PRIMARY KEY (nid, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX audit_events_nid_identity_id ON audit_events (nid, identity_id, id);

-- 0008_imports

CREATE TABLE imports (
  nid BINARY(16) NOT NULL,
  source BINARY(16) NOT NULL,
  stage VARCHAR(64) NOT NULL,
  last_id BINARY(16),
  taken BIGINT NOT NULL,
  lost BIGINT NOT NULL,
  done BOOLEAN NOT NULL,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (nid, source, stage)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- 0009_indexed_traits

CREATE TABLE indexed_traits (
  nid BINARY(16) NOT NULL,
  identity_id BINARY(16) NOT NULL,
  name VARCHAR(64) NOT NULL,
  value VARCHAR(512) NOT NULL,
  PRIMARY KEY (nid, identity_id, name),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX indexed_traits_nid_name_value ON indexed_traits (nid, name, value, identity_id);

CREATE TABLE trait_indexes (
  nid BINARY(16) NOT NULL,
  schema_id VARCHAR(512) NOT NULL,
  name VARCHAR(64) NOT NULL,
  kind VARCHAR(64) NOT NULL,
  PRIMARY KEY (nid, schema_id, name)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX identities_nid_created_at ON identities (nid, created_at, id);

CREATE INDEX identities_nid_updated_at ON identities (nid, updated_at, id);

CREATE INDEX identities_nid_state ON identities (nid, state, id);

-- 0010_remote_documents

CREATE TABLE remote_documents (
  nid BINARY(16) NOT NULL,
  url_hash VARBINARY(64) NOT NULL,
  url LONGTEXT NOT NULL,
  content LONGBLOB NOT NULL,
  fetched_at DATETIME(6) NOT NULL,
  PRIMARY KEY (nid, url_hash)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
