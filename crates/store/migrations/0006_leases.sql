-- Work that one process does for all of them.
CREATE TABLE leases (
  nid :ID NOT NULL,
  work :WORD NOT NULL,
  owner :ID NOT NULL,
  ends_at :TIME NOT NULL,
  PRIMARY KEY (nid, work)
) :TABLE;
