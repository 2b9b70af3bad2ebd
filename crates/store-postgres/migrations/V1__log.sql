-- The log, the outbox and what stands beside them. Times are microseconds since the Unix epoch.
--
-- Everything about a conversation has a primary key that begins with (realm, conversation): that is
-- what these tables are spread by, where one machine is not enough (PARTITION BY HASH, tried; the
-- engines that distribute PostgreSQL want more, docs/scaling.md). A post then touches one part, but
-- for the row of `commits`, which is found by its own id.
--
-- Texts are compared byte by byte (COLLATE "C"), so that an order does not depend on a locale. A
-- text column cannot hold U+0000: the program writes U+0000 as U+0001 U+0001 and U+0001 as
-- U+0001 U+0002, which keeps every order (src/text.rs).

CREATE TABLE meta (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

-- How often this database was restored from a backup: it stands in watermarks.
INSERT INTO meta (name, value) VALUES ('restore_epoch', 0);
-- The oldest schema version whose program may still work on this schema. A migration that only adds
-- leaves it; one that takes something away raises it to the first version that does without.
INSERT INTO meta (name, value) VALUES ('min_program', 1);
-- Raised by whoever must know that what it sees is as durable as what it writes.
INSERT INTO meta (name, value) VALUES ('fences', 0);

-- The processes that are alive: until when, by the database's clock. A few rows, whatever the load.
CREATE TABLE nodes (
    id    UUID NOT NULL PRIMARY KEY,
    -- How an operator knows it.
    name  TEXT COLLATE "C" NOT NULL,
    until BIGINT NOT NULL
);

-- A row is locked by whoever commits to its conversation, and holds the head, so that a commit reads
-- and writes it once. Room is left in the pages: a new version of a row then goes beside the old
-- one and no index is touched.
CREATE TABLE conversations (
    realm        TEXT COLLATE "C" NOT NULL,
    id           TEXT COLLATE "C" NOT NULL,
    channel      TEXT COLLATE "C" NOT NULL,
    channel_kind TEXT COLLATE "C" NOT NULL,
    bot          TEXT COLLATE "C" NOT NULL,
    opened_at    BIGINT NOT NULL,
    next_seq     BIGINT NOT NULL,
    next_pos     BIGINT NOT NULL,
    last_at      BIGINT NOT NULL,
    route        TEXT COLLATE "C" NOT NULL,
    route_epoch  BIGINT NOT NULL,
    -- Which node may hand its deliveries over, as long as that one lives. Every change of it raises
    -- the epoch.
    lease_owner  UUID,
    lease_epoch  BIGINT NOT NULL,
    -- How many deliveries are open, and how many members there are.
    open         BIGINT NOT NULL,
    members      BIGINT NOT NULL,
    -- The time of the oldest entry that is kept; NULL when there is none. For retention alone: it
    -- changes with the first entry and when entries go.
    oldest_at    BIGINT,
    PRIMARY KEY (realm, id)
) WITH (fillfactor = 70);
CREATE INDEX conversations_by_realm ON conversations (realm, opened_at, id);
CREATE INDEX conversations_by_bot ON conversations (realm, bot, opened_at, id);
CREATE INDEX conversations_by_age ON conversations (realm, oldest_at) WHERE oldest_at IS NOT NULL;

CREATE TABLE members (
    realm        TEXT COLLATE "C" NOT NULL,
    conversation TEXT COLLATE "C" NOT NULL,
    role         SMALLINT NOT NULL,
    external     TEXT COLLATE "C" NOT NULL,
    -- Counts them, in the order they came.
    number       BIGINT NOT NULL,
    channel      TEXT COLLATE "C" NOT NULL,
    name         TEXT COLLATE "C",
    -- The role as the participant's own software spelled it.
    spelled      TEXT COLLATE "C",
    verified     BOOLEAN NOT NULL,
    person       TEXT COLLATE "C" NOT NULL,
    -- The conversation's.
    opened_at    BIGINT NOT NULL,
    PRIMARY KEY (realm, conversation, role, external)
);
CREATE INDEX members_by_participant ON members (realm, channel, external, opened_at);
CREATE INDEX members_by_person ON members (realm, person);

-- Append-only, with one index. A row is changed in two ways: `folded` is set, and an erasure empties
-- body and meta.
CREATE TABLE entries (
    realm        TEXT COLLATE "C" NOT NULL,
    conversation TEXT COLLATE "C" NOT NULL,
    seq          BIGINT NOT NULL,
    -- How many entries before this one a customer may see: a visible entry's own pos. It rises with
    -- seq, so one index serves both.
    pos          BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    audience     SMALLINT NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    role         SMALLINT NOT NULL,
    sender       TEXT COLLATE "C" NOT NULL,
    turn         BIGINT,
    op           SMALLINT NOT NULL,
    target       BIGINT,
    -- The seq of the last update or delete of this entry.
    folded       BIGINT,
    -- What stands beside the activity, as JSON; NULL when there is nothing.
    meta         BYTEA,
    -- The activity's own bytes; empty once it was erased.
    body         BYTEA NOT NULL,
    PRIMARY KEY (realm, conversation, seq)
);

CREATE TABLE deliveries (
    realm        TEXT COLLATE "C" NOT NULL,
    conversation TEXT COLLATE "C" NOT NULL,
    id           UUID NOT NULL,
    seq          BIGINT NOT NULL,
    -- Which of its entry's deliveries it is.
    number       INTEGER NOT NULL,
    bot          TEXT COLLATE "C" NOT NULL,
    -- 0 open, 1 settled, 2 dead.
    state        SMALLINT NOT NULL,
    -- Whether it is its conversation's oldest open one: the others wait for it.
    first        BOOLEAN NOT NULL,
    once         BOOLEAN NOT NULL,
    replay       BOOLEAN NOT NULL,
    attempts     INTEGER NOT NULL,
    created_at   BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    cause        TEXT COLLATE "C",
    -- When this row was written, by the database's clock, made to rise: the order of listings.
    written_at   BIGINT NOT NULL,
    PRIMARY KEY (realm, conversation, id)
);
CREATE INDEX deliveries_by_id ON deliveries (id);
CREATE INDEX deliveries_by_age ON deliveries (realm, created_at, written_at, id);
-- What is settled leaves these, which therefore stay small.
CREATE INDEX deliveries_open ON deliveries (realm, conversation, seq, number) WHERE state = 0;
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE state = 0 AND first;
CREATE INDEX deliveries_dead ON deliveries (realm, created_at, written_at, id) WHERE state = 2;

-- Failed attempts only.
CREATE TABLE attempts (
    realm        TEXT COLLATE "C" NOT NULL,
    conversation TEXT COLLATE "C" NOT NULL,
    delivery     UUID NOT NULL,
    -- The delivery's attempts, with this one.
    made         INTEGER NOT NULL,
    -- Its number as whoever made it counted.
    number       BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    took_ms      BIGINT NOT NULL,
    outcome      TEXT COLLATE "C" NOT NULL,
    cause        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (realm, conversation, delivery, made)
);
CREATE INDEX attempts_by_age ON attempts (at);

CREATE TABLE client_keys (
    realm        TEXT COLLATE "C" NOT NULL,
    conversation TEXT COLLATE "C" NOT NULL,
    -- The first 16 bytes of a SHA-256 over conversation, sender, protocol and key.
    hash         BYTEA NOT NULL,
    digest       BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    -- The places of the commit's entries: the first seq and pos, how many, and, if some of them
    -- have no pos, a byte for each entry (1: it has none).
    seq          BIGINT NOT NULL,
    pos          BIGINT NOT NULL,
    count        BIGINT NOT NULL,
    hidden       BYTEA,
    PRIMARY KEY (realm, conversation, hash)
);
CREATE INDEX client_keys_by_age ON client_keys (at);

-- Commit ids, for answers that got lost. Spread by the id.
CREATE TABLE commits (
    id           UUID NOT NULL PRIMARY KEY,
    realm        TEXT COLLATE "C" NOT NULL,
    conversation TEXT COLLATE "C",
    at           BIGINT NOT NULL,
    seq          BIGINT NOT NULL,
    pos          BIGINT NOT NULL,
    count        BIGINT NOT NULL,
    hidden       BYTEA
);
CREATE INDEX commits_by_age ON commits (at);

CREATE TABLE states (
    realm   TEXT COLLATE "C" NOT NULL,
    scope   TEXT COLLATE "C" NOT NULL,
    key     TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    -- From when on it may be swept away.
    until   BIGINT,
    value   BYTEA NOT NULL,
    PRIMARY KEY (realm, scope, key)
);
CREATE INDEX states_by_until ON states (until) WHERE until IS NOT NULL;

CREATE TABLE timers (
    realm      TEXT COLLATE "C" NOT NULL,
    scope      TEXT COLLATE "C" NOT NULL,
    key        TEXT COLLATE "C" NOT NULL,
    due_at     BIGINT NOT NULL,
    value      BYTEA NOT NULL,
    -- Which node it was given to, and until when it is given to no other, by the database's clock.
    held_by    UUID,
    held_until BIGINT,
    PRIMARY KEY (realm, scope, key)
);
CREATE INDEX timers_due ON timers (due_at);

-- The journal of erasures. The id tells one from another across copies of the data.
CREATE TABLE erasures (
    id         UUID NOT NULL PRIMARY KEY,
    at         BIGINT NOT NULL,
    realm      TEXT COLLATE "C" NOT NULL,
    person     TEXT COLLATE "C",
    channel    TEXT COLLATE "C",
    external   TEXT COLLATE "C",
    -- When it was noted, by the database's clock: the order of the journal.
    written_at BIGINT NOT NULL
);
