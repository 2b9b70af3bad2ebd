-- The log, the outbox and what stands beside them. Times are microseconds since the Unix epoch.

CREATE TABLE meta (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How often this database was restored from a backup: it stands in watermarks.
INSERT INTO meta (name, value) VALUES ('restore_epoch', 0);
-- Whether pages were rearranged since the last VACUUM, so that copies of moved rows may linger in
-- the gaps of pages where secure_delete does not reach. Erasing looks at it.
INSERT INTO meta (name, value) VALUES ('rearranged', 0);

CREATE TABLE conversations (
    id           INTEGER PRIMARY KEY,
    public       TEXT    NOT NULL UNIQUE,
    realm        TEXT    NOT NULL,
    channel      TEXT    NOT NULL,
    channel_kind TEXT    NOT NULL,
    bot          TEXT    NOT NULL,
    opened_at    INTEGER NOT NULL,
    route        TEXT    NOT NULL,
    route_epoch  INTEGER NOT NULL DEFAULT 0,
    lease_owner  TEXT,
    lease_epoch  INTEGER NOT NULL DEFAULT 0,
    lease_until  INTEGER NOT NULL DEFAULT 0,
    -- Where the log stood behind the last entry that retention took away, so that no place is ever
    -- given again: the next seq, the next pos, and that entry's time.
    base_seq     INTEGER NOT NULL DEFAULT 0,
    base_pos     INTEGER NOT NULL DEFAULT 0,
    base_at      INTEGER NOT NULL
) STRICT;
-- Both end in the rowid, which is the order of opening.
CREATE INDEX conversations_by_realm ON conversations (realm);
CREATE INDEX conversations_by_bot ON conversations (realm, bot);

CREATE TABLE members (
    id       INTEGER PRIMARY KEY,
    conv     INTEGER NOT NULL,
    role     INTEGER NOT NULL,
    external TEXT    NOT NULL,
    realm    TEXT    NOT NULL,
    channel  TEXT    NOT NULL,
    name     TEXT,
    -- The role as the participant's own software spelled it.
    spelled  TEXT,
    verified INTEGER NOT NULL,
    person   TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX members_by_conversation ON members (conv, role, external);
CREATE INDEX members_by_participant ON members (realm, channel, external);
CREATE INDEX members_by_person ON members (realm, person);

-- Append-only, in the order of commits; where each entry stands is in `places`. A row is changed in two ways only, neither of which changes
-- its length: `folded` is set, and an erased body and meta are overwritten with zeros and blanks.
-- SQLite then writes over the row where it stands; else it might move rows within and between
-- pages, and leave copies of them in gaps that nothing zeroes.
CREATE TABLE entries (
    id       INTEGER PRIMARY KEY,
    conv     INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    -- How many entries before this one a customer may see: a visible entry's own pos.
    pos      INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    audience INTEGER NOT NULL,
    -- A small number for the kinds that the program knows, the name for all others.
    kind     ANY     NOT NULL,
    role     INTEGER NOT NULL,
    turn     INTEGER,
    op       INTEGER NOT NULL,
    target   INTEGER,
    -- The seq, plus one, of the last update or delete of this entry, as 8 bytes, big endian; zero
    -- for none. Of a fixed width, so that setting it never moves the row.
    folded   BLOB    NOT NULL,
    -- Its deliveries: the first one's id, and how many follow each other from there.
    outbox       INTEGER,
    outbox_count INTEGER,
    sender   TEXT    NOT NULL,
    meta     TEXT,
    body     BLOB    NOT NULL
) STRICT;

-- Where entries are, by place. Conversations take turns, so that each commit would write to another
-- page of one large index, and each page goes to the log whole. New places therefore go to the
-- small `places_recent` first, whose few pages many commits share, and from there to `places` in
-- the order of the index, many at a time (writer/recent.rs). A conversation's recent places all
-- come behind its others.
CREATE TABLE places (
    conv  INTEGER NOT NULL,
    seq   INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (conv, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE places_recent (
    conv  INTEGER NOT NULL,
    seq   INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (conv, seq)
) STRICT, WITHOUT ROWID;

CREATE VIEW placed AS
    SELECT conv, seq, entry FROM places UNION ALL SELECT conv, seq, entry FROM places_recent;
-- Entries by place: what readers ask. SQLite looks into both tables and merges the two.
CREATE VIEW log AS
    SELECT p.conv, p.seq, e.id, e.pos, e.at, e.audience, e.kind, e.role, e.turn, e.op, e.target,
           e.folded, e.outbox, e.outbox_count, e.sender, e.meta, e.body
    FROM places p CROSS JOIN entries e ON e.id = p.entry
    UNION ALL
    SELECT p.conv, p.seq, e.id, e.pos, e.at, e.audience, e.kind, e.role, e.turn, e.op, e.target,
           e.folded, e.outbox, e.outbox_count, e.sender, e.meta, e.body
    FROM places_recent p CROSS JOIN entries e ON e.id = p.entry;

CREATE TABLE deliveries (
    id         INTEGER PRIMARY KEY,
    public     BLOB    NOT NULL UNIQUE,
    conv       INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    bot        TEXT    NOT NULL,
    -- 0 open, 1 settled, 2 dead.
    state      INTEGER NOT NULL,
    once       INTEGER NOT NULL,
    replay     INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    cause      TEXT
) STRICT;
-- What is settled leaves these indexes, which therefore stay small.
CREATE INDEX deliveries_open ON deliveries (conv, seq) WHERE state = 0;
CREATE INDEX deliveries_due ON deliveries (due_at, bot) WHERE state = 0;
CREATE INDEX deliveries_dead ON deliveries (state) WHERE state = 2;

-- Failed attempts only.
CREATE TABLE attempts (
    id       INTEGER PRIMARY KEY,
    delivery INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    took_ms  INTEGER NOT NULL,
    outcome  TEXT    NOT NULL,
    cause    TEXT    NOT NULL
) STRICT;
CREATE INDEX attempts_by_delivery ON attempts (delivery);

-- In the order of writing, so that old ones go from one end; found by `keys`.
CREATE TABLE client_keys (
    id     INTEGER PRIMARY KEY,
    conv   INTEGER NOT NULL,
    -- The first 16 bytes of a SHA-256 over conversation, sender, protocol and key.
    hash   BLOB    NOT NULL,
    digest INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    -- The places of the commit's entries: the first seq and pos, how many, and, if some of them
    -- have no pos, a byte for each entry (1: it has none).
    seq    INTEGER NOT NULL,
    pos    INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    hidden BLOB
) STRICT;

-- Where client keys are, in two parts like `places`.
CREATE TABLE keys (
    conv INTEGER NOT NULL,
    hash BLOB    NOT NULL,
    key  INTEGER NOT NULL,
    PRIMARY KEY (conv, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE keys_recent (
    conv INTEGER NOT NULL,
    hash BLOB    NOT NULL,
    key  INTEGER NOT NULL,
    PRIMARY KEY (conv, hash)
) STRICT, WITHOUT ROWID;
CREATE VIEW keyed AS
    SELECT conv, hash, key FROM keys UNION ALL SELECT conv, hash, key FROM keys_recent;

CREATE TABLE commits (
    id     BLOB    NOT NULL PRIMARY KEY,
    -- The realm of a commit without a conversation; else it is the conversation's.
    realm  TEXT,
    conv   INTEGER,
    at     INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    pos    INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    hidden BLOB
) STRICT, WITHOUT ROWID;

CREATE TABLE states (
    realm   TEXT    NOT NULL,
    scope   TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    version INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    -- From when on it may be swept away.
    until   INTEGER,
    value   BLOB    NOT NULL,
    PRIMARY KEY (realm, scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX states_until ON states (until) WHERE until IS NOT NULL;

CREATE TABLE timers (
    realm  TEXT    NOT NULL,
    scope  TEXT    NOT NULL,
    key    TEXT    NOT NULL,
    due_at INTEGER NOT NULL,
    value  BLOB    NOT NULL,
    PRIMARY KEY (realm, scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX timers_due ON timers (due_at);

-- The journal of erasures. `public` tells one from another across copies of the database.
CREATE TABLE erasures (
    id       INTEGER PRIMARY KEY,
    public   BLOB    NOT NULL UNIQUE,
    at       INTEGER NOT NULL,
    realm    TEXT    NOT NULL,
    person   TEXT,
    channel  TEXT,
    external TEXT
) STRICT;
