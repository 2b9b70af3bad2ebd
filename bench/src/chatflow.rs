//! ChatFlow's REST API as a bot's server calls it, and the users that it calls for.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::{Connection, request};
use crate::measure::load::Caller;
use crate::random::Random;
use crate::server::Server;

/// The example that is played.
const SCENARIO: &str = include_str!("../../examples/scenarios/coffee.en.json");

/// What a user says, again and again: an order of coffee. Once the shop knows a name it does not ask for
/// it, so that one of these is not what the scenario waits for, as happens in life.
pub const DIALOGUE: [&str; 7] =
    ["Order", "Latte", "Hot", "2 cups", "Kim", "No, I will wait", "Place order"];

/// What is understood wherever a user is: it leads to the entry node.
const RESTART: &str = "restart";

/// How many apps there are. An app may call so and so often a second; these are to be enough.
const APPS: usize = 32;

/// How many apps a dialogue is led in at once.
const APPS_A_CLIENT: usize = 8;

/// Where the API takes what users say.
const MESSAGE: &str = "/chatflow/api/v1/message";

/// A client with apps, all of the same scenario.
#[derive(Clone, Debug)]
pub struct Shop {
    client_id: String,
    app_ids: Vec<String>,
}

impl Shop {
    /// Signs a client up, and publishes its apps.
    ///
    /// # Errors
    /// As [`Server::cli`].
    pub async fn open(server: &Server, folder: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct SignedUp {
            id: String,
            client_id: String,
        }
        #[derive(Deserialize)]
        struct Added {
            app_id: String,
        }
        let file = folder.join("coffee.json");
        fs::write(&file, SCENARIO).context("the scenario's file")?;
        let file = file.to_str().context("a folder whose path is text")?;
        let client: SignedUp = server.cli(&["chatflow", "sign-up", "bench"]).await?;
        let mut app_ids = Vec::with_capacity(APPS);
        for number in 0..APPS {
            let handle = format!("shop-{number}");
            let add = ["chatflow", "add", "Shop", "--client", &client.id, "--handle", &handle];
            let consent = ["--monitor-phone", "010-0000-0000", "--privacy-consent"];
            let added: Added = server.cli(&[&add[..], &consent[..]].concat()).await?;
            let _draft: Value = server.cli(&["chatflow", "draft", &handle, file]).await?;
            let _published: Value = server.cli(&["chatflow", "publish", &handle]).await?;
            app_ids.push(added.app_id);
        }
        Ok(Self { client_id: client.client_id, app_ids })
    }

    /// A message of a user of one of the apps, as a request to that path.
    fn say(&self, to: SocketAddr, path: &str, app: usize, user: &str, content: &str) -> Vec<u8> {
        let app_id = self.app_ids.get(app % self.app_ids.len().max(1));
        let body = json!({
            "client_id": self.client_id, "app_id": app_id, "user_key": user, "content": content,
        });
        request("POST", to, path, None, body.to_string().as_bytes())
    }

    /// Someone who orders coffee without end, in several shops by turns. Without `path`: by the API.
    pub fn guest(&self, to: SocketAddr, path: Option<&str>, number: usize) -> Guest {
        let user = format!("guest-{number:05}");
        let apps = (0..APPS_A_CLIENT).map(|app| number * APPS_A_CLIENT + app);
        let says = DIALOGUE.iter().flat_map(|content| apps.clone().map(move |app| (app, content)));
        let path = path.unwrap_or(MESSAGE);
        let requests = says.map(|(app, content)| self.say(to, path, app, &user, content));
        Guest { server: to, requests: requests.collect(), next: 0 }
    }

    /// One who speaks for `users` users, whoever it is each time.
    pub fn crowd(&self, to: SocketAddr, users: u64, number: u64) -> Result<Crowd> {
        let zeros = "0".repeat(KEY_LENGTH);
        let apps = 0..self.app_ids.len();
        let requests = apps.map(|app| self.say(to, MESSAGE, app, &zeros, RESTART));
        let requests: Vec<Vec<u8>> = requests.collect();
        let found = |request: &Vec<u8>| {
            request.windows(KEY_LENGTH).position(|window| window == zeros.as_bytes())
        };
        let key_at: Option<Vec<usize>> = requests.iter().map(found).collect();
        let key_at = key_at.context("the body has no key to rewrite")?;
        Ok(Crowd { server: to, requests, key_at, users, random: Random::of(users, number) })
    }
}

/// Checks that the dialogue is the order of coffee that it is meant to be.
///
/// # Errors
/// When it does not come to its end.
pub async fn check(shop: &Shop, server: SocketAddr) -> Result<()> {
    let mut connection = Connection::open(server).await?;
    let mut at = String::new();
    for content in DIALOGUE {
        #[derive(Deserialize)]
        struct Turn {
            id: String,
        }
        let request = shop.say(server, MESSAGE, 0, "checker", content);
        let answer = connection.call(&request).await?;
        ensure!(answer.status == 200, "{content:?} was answered {}", answer.status);
        at = serde_json::from_slice::<Turn>(answer.body).context("no turn")?.id;
    }
    ensure!(at == "done", "the dialogue ends at {at}");
    Ok(())
}

/// Someone who orders coffee without end.
#[derive(Debug)]
pub struct Guest {
    server: SocketAddr,
    requests: Vec<Vec<u8>>,
    next: usize,
}

impl Caller for Guest {
    fn server(&self) -> SocketAddr {
        self.server
    }

    fn next(&mut self) -> &[u8] {
        let at = self.next;
        self.next = (at + 1) % self.requests.len().max(1);
        self.requests.get(at).map(Vec::as_slice).unwrap_or_default()
    }
}

/// How many characters a user's key has: their number, in hexadecimal.
const KEY_LENGTH: usize = 16;

/// One who speaks for many users.
#[derive(Debug)]
pub struct Crowd {
    server: SocketAddr,
    /// One for each app.
    requests: Vec<Vec<u8>>,
    key_at: Vec<usize>,
    users: u64,
    random: Random,
}

impl Crowd {
    /// The request of this user.
    pub fn user(&mut self, user: u64) -> &[u8] {
        let app = usize::try_from(user).unwrap_or(0) % self.requests.len().max(1);
        let (Some(request), Some(&at)) = (self.requests.get_mut(app), self.key_at.get(app)) else {
            return &[];
        };
        if let Some(place) = request.get_mut(at..at + KEY_LENGTH) {
            place.copy_from_slice(format!("{user:0KEY_LENGTH$x}").as_bytes());
        }
        request
    }
}

impl Caller for Crowd {
    fn server(&self) -> SocketAddr {
        self.server
    }

    fn next(&mut self) -> &[u8] {
        let user = self.random.below(self.users.max(1));
        self.user(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_has_a_key_and_an_app_of_their_own() {
        let shop = Shop {
            client_id: "c".to_owned(),
            app_ids: (0..3).map(|app| format!("a{app}")).collect(),
        };
        let server = "127.0.0.1:1".parse().unwrap();
        let mut crowd = shop.crowd(server, 1_000, 0).unwrap();
        for (user, key, app) in [
            (0, "0000000000000000", "a0"),
            (1, "0000000000000001", "a1"),
            (35, "0000000000000023", "a2"),
        ] {
            let text = String::from_utf8(crowd.user(user).to_vec()).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("content-length: {}", body.len())));
            let body: Value = serde_json::from_str(body).unwrap();
            assert_eq!(
                (body["user_key"].as_str(), body["app_id"].as_str()),
                (Some(key), Some(app))
            );
        }
    }
}
