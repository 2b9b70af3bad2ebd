-- The conversation that a value tells of: it goes when that one's only user is erased.
ALTER TABLE states ADD COLUMN conversation TEXT;
CREATE INDEX states_about ON states (realm, conversation) WHERE conversation IS NOT NULL;
