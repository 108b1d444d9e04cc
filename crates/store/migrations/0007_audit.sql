-- What happened to accounts. Only written, and deleted when it is old enough: ids follow time, so they are its order. It
-- refers to people and sessions by their ids alone, as it outlives them.
CREATE TABLE audit_events (
  nid :ID NOT NULL,
  id :ID NOT NULL,
  created_at :TIME NOT NULL,
  kind :WORD NOT NULL,
  identity_id :ID,
  session_id :ID,
  actor :TEXT NOT NULL,
  ip_address :TEXT NOT NULL,
  user_agent :TEXT NOT NULL,
  method :WORD NOT NULL,
  details :JSON NOT NULL,
  PRIMARY KEY (nid, id)
) :TABLE;

CREATE INDEX audit_events_nid_identity_id ON audit_events (nid, identity_id, id);
