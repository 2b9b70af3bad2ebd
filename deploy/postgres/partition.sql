-- Spreads what belongs to conversations over partitions by hash. For a database that `maru migrate` has made and
-- nothing was written to yet; a live site is moved into it by `maru export` and `maru import`.
--
--     maru migrate
--     psql "$DATABASE" --set partitions=8 --file deploy/postgres/partition.sql
--
-- Maru itself notices nothing: its statements stay as they are, and its later migrations apply to all
-- partitions. Why, and how many: docs/scaling.md.

\set ON_ERROR_STOP on
\if :{?partitions}
\else
    \set partitions 8
\endif

BEGIN;
SET LOCAL maru.partitions TO :'partitions';

DO $$
DECLARE
    count INTEGER := current_setting('maru.partitions')::INTEGER;
    -- Each of these has a primary key that begins with these columns.
    spread CONSTANT TEXT[][] := ARRAY[
        ['conversations', 'realm, id'],
        ['members', 'realm, conversation'],
        ['entries', 'realm, conversation'],
        ['deliveries', 'realm, conversation'],
        ['attempts', 'realm, conversation'],
        ['client_keys', 'realm, conversation']];
    pair TEXT[];
    name TEXT;
    options TEXT;
    indexes TEXT[];
    command TEXT;
    filled BOOLEAN;
BEGIN
    FOREACH pair SLICE 1 IN ARRAY spread LOOP
        name := pair[1];
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', name) INTO filled;
        IF filled THEN
            RAISE EXCEPTION 'the table % is not empty', name;
        END IF;
        -- What holds for the table holds for each partition, such as room left in its pages. Indexes
        -- keep their names, by which later migrations know them.
        SELECT array_to_string(reloptions, ', ') INTO options FROM pg_class WHERE oid = name::regclass;
        SELECT array_agg(CASE WHEN c.oid IS NULL THEN pg_get_indexdef(i.indexrelid)
                              ELSE format('ALTER TABLE %I ADD CONSTRAINT %I %s', name, c.conname,
                                          pg_get_constraintdef(c.oid)) END)
            INTO indexes
            FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid
            WHERE i.indrelid = name::regclass;
        EXECUTE format('ALTER TABLE %I RENAME TO %I', name, name || '_whole');
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING INDEXES) PARTITION BY HASH (%s)',
                       name, name || '_whole', pair[2]);
        EXECUTE format('DROP TABLE %I', name || '_whole');
        FOREACH command IN ARRAY indexes LOOP
            EXECUTE command;
        END LOOP;
        FOR remainder IN 0 .. count - 1 LOOP
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS %s, REMAINDER %s)%s',
                           name || '_' || remainder, name, count, remainder,
                           coalesce(' WITH (' || options || ')', ''));
        END LOOP;
    END LOOP;
END
$$;
COMMIT;
