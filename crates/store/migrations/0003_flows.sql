-- Flows of all kinds. The document is the flow; the columns are what a statement asks for.
CREATE TABLE flows (
  nid :ID NOT NULL,
  id :ID NOT NULL,
  kind :WORD NOT NULL,
  channel :WORD NOT NULL,
  version :INT NOT NULL,
  issued_at :TIME NOT NULL,
  expires_at :TIME NOT NULL,
  updated_at :TIME NOT NULL,
  document :JSON NOT NULL,
  PRIMARY KEY (nid, id)
) :TABLE;

CREATE INDEX flows_nid_expires_at ON flows (nid, expires_at);

-- What the error page shows to a browser that was sent there.
CREATE TABLE error_containers (
  nid :ID NOT NULL,
  id :ID NOT NULL,
  document :JSON NOT NULL,
  created_at :TIME NOT NULL,
  updated_at :TIME NOT NULL,
  PRIMARY KEY (nid, id)
) :TABLE;

CREATE INDEX error_containers_nid_created_at ON error_containers (nid, created_at);
