-- Of client keys that were written lately, where they are is kept in memory: `client_keys` has them in the
-- order of writing, so they are found again when the database is opened. The index gets them many at a
-- time, in its own order (writer/keys.rs). Up to this row it has all; behind it, it may have some.
INSERT INTO keys (conv, hash, key) SELECT conv, hash, key FROM keys_recent;
DROP VIEW keyed;
DROP TABLE keys_recent;
INSERT INTO meta (name, value)
    SELECT 'keys_indexed', coalesce(max(id), 0) FROM client_keys;
