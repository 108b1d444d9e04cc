-- How much of each budget of attempts is used up in the window that ends at `expires_at`. `key_hash` says whose and which
-- budget it is, as a keyed hash: neither accounts nor addresses can be read from it.
CREATE TABLE attempts (
  nid :ID NOT NULL,
  key_hash :HASH NOT NULL,
  n :INT NOT NULL,
  expires_at :TIME NOT NULL,
  PRIMARY KEY (nid, key_hash)
) :CLUSTERED;

CREATE INDEX attempts_nid_expires_at ON attempts (nid, expires_at);
