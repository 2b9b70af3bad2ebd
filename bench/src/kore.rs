//! Kore.ai's protocol as its SDKs speak it: the few calls that the driver makes.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;

use crate::direct_line::{Stream, json as call};
use crate::http::{Connection, request};
use crate::server::Server;

/// An app whose users talk to the built-in echo bot.
#[derive(Clone, Debug)]
pub struct App {
    client: String,
    bot: String,
}

impl App {
    /// Makes one that lets anybody in.
    ///
    /// # Errors
    /// As [`Server::cli`].
    pub async fn make(server: &Server) -> Result<Self> {
        #[derive(Deserialize)]
        struct Added {
            settings: Settings,
        }
        #[derive(Deserialize)]
        struct Settings {
            client_id: String,
            bots: Vec<Bot>,
        }
        #[derive(Deserialize)]
        struct Bot {
            id: String,
        }
        let add = ["channel", "add", "--kind", "kore", "--bot", "echo", "--set", "anonymous=true"];
        let Added { settings } = server.cli(&add).await?;
        let bot = settings.bots.into_iter().next().context("the app has no bot")?;
        Ok(Self { client: settings.client_id, bot: bot.id })
    }

    fn bot_info(&self) -> serde_json::Value {
        json!({ "chatBot": "bench", "taskBotId": self.bot })
    }

    /// An access token for a user of this name.
    ///
    /// # Errors
    /// What came of the call instead.
    pub async fn grant(
        &self,
        connection: &mut Connection,
        server: SocketAddr,
        user: &str,
    ) -> Result<String> {
        #[derive(Deserialize)]
        struct Granted {
            authorization: Authorization,
        }
        #[derive(Deserialize)]
        struct Authorization {
            #[serde(rename = "accessToken")]
            access_token: String,
        }
        let assertion = json!({ "issuer": self.client, "subject": user });
        let body = json!({ "assertion": assertion, "botInfo": self.bot_info() }).to_string();
        let path = "/api/oAuth/token/jwtgrant/anonymous";
        let granted: Granted =
            call(connection, &request("POST", server, path, None, body.as_bytes())).await?;
        Ok(granted.authorization.access_token)
    }

    /// Opens a socket from a source address of the loopback network, and waits until it is ready.
    ///
    /// # Errors
    /// What came of it instead.
    pub async fn open(
        &self,
        connection: &mut Connection,
        server: SocketAddr,
        token: &str,
        from: Ipv4Addr,
        again: bool,
    ) -> Result<Stream> {
        #[derive(Deserialize)]
        struct Started {
            url: String,
        }
        let body = json!({ "botInfo": self.bot_info() }).to_string();
        let start = request("POST", server, "/api/rtm/start", Some(token), body.as_bytes());
        let mut url = call::<Started>(connection, &start).await?.url;
        if again {
            url.push_str("&isReconnect=true");
        }
        let mut stream = Stream::open(&url, server, from).await?;
        while !stream.next().await?.contains(r#""Bot_Active""#) {}
        Ok(stream)
    }

    /// The frame of a message.
    pub fn frame(&self, id: u64, text: &str) -> String {
        json!({
            "clientMessageId": id, "resourceid": "/bot.message", "message": { "body": text },
            "botInfo": self.bot_info(), "client": "sdk",
            "meta": { "timezone": "Asia/Seoul", "locale": "ko-KR" }, "id": id,
        })
        .to_string()
    }
}
