-- The outbox. `due_at` is when the next attempt may begin: of a message that waits, its (next) attempt; of one that is
-- being sent, the end of the lease, after which another instance may take it. NULL once there is nothing left to do, so
-- that the index the claims read holds what is open and ends there.
CREATE TABLE messages (
  nid :ID NOT NULL,
  id :ID NOT NULL,
  channel :WORD NOT NULL,
  recipient :KEY NOT NULL,
  subject :TEXT NOT NULL,
  body :TEXT NOT NULL,
  template_type :WORD NOT NULL,
  template_data :JSON NOT NULL,
  request_headers :JSON NOT NULL,
  status :WORD NOT NULL,
  send_count :INT NOT NULL,
  expires_at :TIME,
  due_at :TIME,
  lease :ID,
  created_at :TIME NOT NULL,
  updated_at :TIME NOT NULL,
  PRIMARY KEY (nid, id)
) :TABLE;

CREATE INDEX messages_nid_due_at ON messages (nid, due_at);

-- The administrators' lists, newest first.
CREATE INDEX messages_nid_created_at ON messages (nid, created_at, id);

CREATE INDEX messages_nid_status ON messages (nid, status, created_at, id);

CREATE INDEX messages_nid_recipient ON messages (nid, recipient, created_at, id);

-- One row for each attempt.
CREATE TABLE message_dispatches (
  nid :ID NOT NULL,
  message_id :ID NOT NULL,
  id :ID NOT NULL,
  error :JSON,
  created_at :TIME NOT NULL,
  updated_at :TIME NOT NULL,
  PRIMARY KEY (nid, message_id, id),
  FOREIGN KEY (nid, message_id) REFERENCES messages (nid, id) ON DELETE CASCADE
) :TABLE;
