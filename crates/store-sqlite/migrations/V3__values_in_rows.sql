-- Values may have some kilobytes, a user's place in a scenario for one. In a table without rowids, which
-- is an index, all but the beginning of such a row lies in overflow pages, and these are read to compare its
-- key with another: twice the pages of a write, and three times the time of a read.
CREATE TABLE states_in_rows (
    realm        TEXT    NOT NULL,
    scope        TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    -- From when on it may be swept away.
    until        INTEGER,
    value        BLOB    NOT NULL,
    -- The conversation that it tells of.
    conversation TEXT,
    PRIMARY KEY (realm, scope, key)
) STRICT;
INSERT INTO states_in_rows (realm, scope, key, version, at, until, value, conversation)
    SELECT realm, scope, key, version, at, until, value, conversation FROM states;
DROP TABLE states;
ALTER TABLE states_in_rows RENAME TO states;
CREATE INDEX states_until ON states (until) WHERE until IS NOT NULL;
CREATE INDEX states_about ON states (realm, conversation) WHERE conversation IS NOT NULL;
