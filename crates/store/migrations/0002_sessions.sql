-- One row holds a session with its proofs and devices; the bearer's token is stored as its SHA-256 only.
CREATE TABLE sessions (
  nid :ID NOT NULL,
  id :ID NOT NULL,
  identity_id :ID NOT NULL,
  token_hash :HASH NOT NULL,
  active :BOOL NOT NULL,
  issued_at :TIME NOT NULL,
  authenticated_at :TIME NOT NULL,
  expires_at :TIME NOT NULL,
  aal :WORD NOT NULL,
  methods :JSON NOT NULL,
  devices :JSON NOT NULL,
  created_at :TIME NOT NULL,
  updated_at :TIME NOT NULL,
  PRIMARY KEY (nid, id),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) :TABLE;

CREATE UNIQUE INDEX sessions_nid_token_hash ON sessions (nid, token_hash);

-- The sessions of a person, newest first.
CREATE INDEX sessions_nid_identity_id ON sessions (nid, identity_id, created_at, id);

-- The administrators' list, newest first.
CREATE INDEX sessions_nid_created_at ON sessions (nid, created_at, id);

CREATE INDEX sessions_nid_expires_at ON sessions (nid, expires_at);
