-- The traits that a schema declares as indexed, a row for each value, written with the person: operators find people by
-- them and sort by them. `value` is written such that it sorts as what it stands for.
CREATE TABLE indexed_traits (
  nid :ID NOT NULL,
  identity_id :ID NOT NULL,
  name :WORD NOT NULL,
  value :KEY NOT NULL,
  PRIMARY KEY (nid, identity_id, name),
  FOREIGN KEY (nid, identity_id) REFERENCES identities (nid, id) ON DELETE CASCADE
) :CLUSTERED;

CREATE INDEX indexed_traits_nid_name_value ON indexed_traits (nid, name, value, identity_id);

-- Which of them every person has been looked at for.
CREATE TABLE trait_indexes (
  nid :ID NOT NULL,
  schema_id :KEY NOT NULL,
  name :WORD NOT NULL,
  kind :WORD NOT NULL,
  PRIMARY KEY (nid, schema_id, name)
) :TABLE;

CREATE INDEX identities_nid_created_at ON identities (nid, created_at, id);

CREATE INDEX identities_nid_updated_at ON identities (nid, updated_at, id);

CREATE INDEX identities_nid_state ON identities (nid, state, id);
