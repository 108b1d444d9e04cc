-- The last good copies of identity schemas, and of what else a start needs, that the configuration names by http(s) URLs:
-- a restart while their host is away goes on with them. The hash is that of the whole URL; `url` lacks what may be secret.
CREATE TABLE remote_documents (
  nid :ID NOT NULL,
  url_hash :HASH NOT NULL,
  url :TEXT NOT NULL,
  content :BYTES NOT NULL,
  fetched_at :TIME NOT NULL,
  PRIMARY KEY (nid, url_hash)
) :TABLE;
