-- The conversation that a value tells of: it goes when that one's only user is erased.
ALTER TABLE states ADD COLUMN conversation TEXT COLLATE "C";
CREATE INDEX states_by_conversation ON states (realm, conversation) WHERE conversation IS NOT NULL;
