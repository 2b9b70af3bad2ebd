//! What one person can see and do: their group, its restaurants, their vote.

use rusqlite::{Connection, OptionalExtension as _, Result, params};

use crate::words::fold;

/// The most restaurants of a group.
pub(crate) const RESTAURANTS_MAX: u32 = 20;

/// The most people altogether. Anybody may come in, so there has to be an end to it.
const PEOPLE_MAX: u32 = 100_000;

/// What a new group can choose from at once, as a JSON array of names that are folded as they stand.
const FIRST_RESTAURANTS: &str = r#"["국수집", "백반집", "분식집"]"#;

/// The characters of a code: 32 that are not taken for one another.
const CODE_ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// One person's access to the store, within one transaction.
#[derive(Debug)]
pub(crate) struct Booth<'a> {
    db: &'a Connection,
    user_key: &'a str,
    today: i64,
}

/// A group.
#[derive(Debug)]
pub(crate) struct Group {
    /// Its row.
    pub(crate) id: i64,
    /// What one needs to know to join it.
    pub(crate) code: String,
}

/// A restaurant of a group.
#[derive(Debug)]
pub(crate) struct Restaurant {
    /// Its row.
    pub(crate) id: i64,
    /// Its name, as it was given.
    pub(crate) name: String,
    /// Today's votes for it.
    pub(crate) votes: u32,
    /// Whether this person's vote is among them.
    pub(crate) mine: bool,
}

/// What became of joining or making a group.
#[derive(Debug)]
pub(crate) enum Joined {
    /// The person is in it now.
    Now(Group),
    /// The person had been in it.
    Already,
    /// There is no such group.
    Unknown,
    /// There are too many people already.
    Full,
}

/// What became of adding a restaurant.
#[derive(Debug)]
pub(crate) enum Added {
    /// It can be chosen now.
    Now,
    /// It could be chosen before.
    Already,
    /// The group has too many already.
    Full,
}

impl<'a> Booth<'a> {
    /// Access for the person with this key, on a day as `day_in_seoul` counts them.
    pub(crate) fn new(db: &'a Connection, user_key: &'a str, today: i64) -> Self {
        Self { db, user_key, today }
    }

    /// The person's group, if they are in one.
    pub(crate) fn group(&self) -> Result<Option<Group>> {
        let sql = "SELECT g.id, g.code FROM person p JOIN lunch_group g ON g.id = p.group_id
                   WHERE p.user_key = ?1";
        self.db.prepare_cached(sql)?.query_row([self.user_key], group).optional()
    }

    /// How many people are in a group.
    pub(crate) fn people(&self, group: &Group) -> Result<u32> {
        let sql = "SELECT count(*) FROM person WHERE group_id = ?1";
        self.db.prepare_cached(sql)?.query_row([group.id], |row| row.get(0))
    }

    /// A group's restaurants with today's votes: the most first, else in the order they were added.
    pub(crate) fn restaurants(&self, group: &Group) -> Result<Vec<Restaurant>> {
        let sql = "SELECT r.id, r.name, count(p.user_key), total(p.user_key = ?3) > 0
                   FROM restaurant r LEFT JOIN person p ON p.choice = r.id AND p.day = ?2
                   WHERE r.group_id = ?1 GROUP BY r.id ORDER BY 3 DESC, 1";
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map(params![group.id, self.today, self.user_key], |row| {
            Ok(Restaurant {
                id: row.get(0)?,
                name: row.get(1)?,
                votes: row.get(2)?,
                mine: row.get(3)?,
            })
        })?;
        rows.collect()
    }

    /// Gives the person's one vote of today to a restaurant of their group.
    pub(crate) fn vote(&self, restaurant: &Restaurant) -> Result<()> {
        let sql = "UPDATE person SET choice = ?2, day = ?3 WHERE user_key = ?1";
        self.db.execute(sql, params![self.user_key, restaurant.id, self.today])?;
        Ok(())
    }

    /// Adds a restaurant to a group.
    pub(crate) fn add(&self, group: &Group, name: &str) -> Result<Added> {
        let counted = "SELECT count(*), total(folded = ?2) > 0 FROM restaurant WHERE group_id = ?1";
        let folded = fold(name);
        let (count, known): (u32, bool) = self
            .db
            .prepare_cached(counted)?
            .query_row(params![group.id, folded], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if known {
            return Ok(Added::Already);
        }
        if count >= RESTAURANTS_MAX {
            return Ok(Added::Full);
        }
        let sql = "INSERT INTO restaurant (group_id, name, folded) VALUES (?1, ?2, ?3)";
        self.db.execute(sql, params![group.id, name, folded])?;
        Ok(Added::Now)
    }

    /// Removes a restaurant, with the votes for it.
    pub(crate) fn remove(&self, restaurant: &Restaurant) -> Result<()> {
        self.db.execute("DELETE FROM restaurant WHERE id = ?1", [restaurant.id])?;
        Ok(())
    }

    /// Makes a group with the person in it.
    pub(crate) fn new_group(&self) -> Result<Joined> {
        if !self.has_room()? {
            return Ok(Joined::Full);
        }
        let sql = "INSERT INTO lunch_group (code) VALUES (?1) RETURNING id, code";
        let made = self.db.query_row(sql, [self.new_code()?], group)?;
        let sql = "INSERT INTO restaurant (group_id, name, folded)
                   SELECT ?1, value, value FROM json_each(?2) ORDER BY key";
        self.db.execute(sql, params![made.id, FIRST_RESTAURANTS])?;
        self.enter(made)
    }

    /// Puts the person into the group with this code, and out of the one they were in.
    pub(crate) fn join(&self, code: &str) -> Result<Joined> {
        let sql = "SELECT id, code FROM lunch_group WHERE code = ?1";
        let code = code.to_ascii_uppercase();
        match self.db.prepare_cached(sql)?.query_row([code], group).optional()? {
            None => Ok(Joined::Unknown),
            Some(_) if !self.has_room()? => Ok(Joined::Full),
            Some(found) => self.enter(found),
        }
    }

    /// Forgets the person and their vote, and their group if nobody is left in it.
    pub(crate) fn leave(&self) -> Result<()> {
        let Some(left) = self.group()? else { return Ok(()) };
        self.db.execute("DELETE FROM person WHERE user_key = ?1", [self.user_key])?;
        let sql = "DELETE FROM lunch_group WHERE id = ?1
                   AND NOT EXISTS (SELECT 1 FROM person WHERE group_id = ?1)";
        self.db.execute(sql, [left.id])?;
        Ok(())
    }

    fn enter(&self, group: Group) -> Result<Joined> {
        if self.group()?.is_some_and(|current| current.id == group.id) {
            return Ok(Joined::Already);
        }
        self.leave()?;
        let sql = "INSERT INTO person (user_key, group_id) VALUES (?1, ?2)";
        self.db.execute(sql, params![self.user_key, group.id])?;
        Ok(Joined::Now(group))
    }

    /// Whether the person is known already, or one more can be.
    fn has_room(&self) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM person WHERE user_key = ?1)
                   OR (SELECT count(*) FROM person) < ?2";
        self.db.prepare_cached(sql)?.query_row(params![self.user_key, PEOPLE_MAX], |row| row.get(0))
    }

    /// Forty bits that cannot be guessed: SQLite seeds its generator from the system's.
    fn new_code(&self) -> Result<String> {
        let bytes: [u8; 8] = self.db.query_row("SELECT randomblob(8)", [], |row| row.get(0))?;
        Ok(bytes.map(|byte| char::from(CODE_ALPHABET[usize::from(byte % 32)])).iter().collect())
    }
}

fn group(row: &rusqlite::Row<'_>) -> Result<Group> {
    Ok(Group { id: row.get(0)?, code: row.get(1)? })
}
