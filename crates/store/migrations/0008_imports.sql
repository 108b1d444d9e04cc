-- How far the move from another database has come: written in the batch of the rows that it tells of, so that whoever
-- is stopped goes on where they were. `source` is the network of that database, `last_id` the last row that was looked
-- at.
CREATE TABLE imports (
  nid :ID NOT NULL,
  source :ID NOT NULL,
  stage :WORD NOT NULL,
  last_id :ID,
  taken :INT NOT NULL,
  lost :INT NOT NULL,
  done :BOOL NOT NULL,
  updated_at :TIME NOT NULL,
  PRIMARY KEY (nid, source, stage)
) :TABLE;
