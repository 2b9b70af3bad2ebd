//! The built pages and the script of the web chat, as they are served.
//!
//! `make web` builds them into `web/dist`, and they become part of the program: a server needs no folder beside it. A debug build
//! reads them from that folder at each request, so that a page under work needs no new build of the server. Where nothing was built,
//! each path answers 503 and says how to build it.
//!
//! What a file may be kept for follows from its name: one with a hash in it never changes; a page is asked for each time; the script,
//! whose name never changes, is kept for five minutes, or for ever under its version. Every page has a content security policy of its
//! own ([`policy`]), under which neither a script nor a style can stand in it.

mod answer;
mod policy;
mod settings;
mod shelf;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use maru_door::{Caller, Face, RouteSet, Routes};

pub use settings::{BadOrigin, ChatServer, Embedder, Settings};

use answer::{Keep, answer, not_built, not_found};
use shelf::Shelf;

const SCRIPT: &str = "nxWebApi.js";
const DECLARATIONS: &str = "nxWebApi.d.ts";
const WEBCHAT: &str = "webchat/webchat.html";
const AGENT: &str = "agent/index.html";

/// Where the page is told which servers it may be pointed at.
const HOSTS_UNSAID: &str = r#"<meta name="nxchat-hosts" content="" />"#;

/// A page of any site may load the script, and check what it loads.
const ANY_SITE: [(HeaderName, HeaderValue); 2] = [
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    ),
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
];

/// The pages.
#[derive(Debug)]
pub struct Pages {
    settings: Settings,
    shelf: Shelf,
}

impl Pages {
    /// Those that are part of the program.
    pub fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self { settings, shelf: Shelf })
    }

    fn script(&self, name: &str, headers: &HeaderMap, keep: Keep) -> Response {
        let Some(file) = self.shelf.file(name) else { return not_built() };
        let mut response = answer(&file, headers, keep);
        response.headers_mut().extend(ANY_SITE);
        response
    }

    /// A file beside a page, whose name has a hash in it.
    fn asset(&self, folder: &str, name: &str, headers: &HeaderMap) -> Response {
        // A name, and not a way to another folder.
        let is_name = !name.contains(['/', '\\']);
        match self.shelf.file(&format!("{folder}/assets/{name}")).filter(|_| is_name) {
            Some(file) => answer(&file, headers, Keep::Forever),
            None => not_found(),
        }
    }
}

impl Face for Pages {
    fn name(&self) -> &'static str {
        "pages"
    }

    fn routes(self: Arc<Self>) -> RouteSet {
        Routes::of(self)
            .get("/nxWebApi.js", script)
            .get("/ukakao/nxWebApi.js", script)
            .get(
                concat!("/nxWebApi/", env!("CARGO_PKG_VERSION"), "/nxWebApi.js"),
                script_of_version,
            )
            .get("/nxWebApi.d.ts", declarations)
            .get("/webchat.html", webchat)
            .get("/ukakao/webchat.html", webchat)
            .get("/webchat/assets/{name}", webchat_asset)
            .get("/agent", to_agent)
            .get("/agent/", agent)
            .get("/agent/assets/{name}", agent_asset)
            .done()
    }
}

type Here = State<Arc<Pages>>;

async fn script(State(pages): Here, headers: HeaderMap) -> Response {
    pages.script(SCRIPT, &headers, Keep::Minutes)
}

/// What the script declares, for pages in TypeScript.
async fn declarations(State(pages): Here, headers: HeaderMap) -> Response {
    pages.script(DECLARATIONS, &headers, Keep::Minutes)
}

async fn script_of_version(State(pages): Here, headers: HeaderMap) -> Response {
    pages.script(SCRIPT, &headers, Keep::Forever)
}

/// The customer's page. Its address names a person: nobody keeps it.
async fn webchat(State(pages): Here, caller: Caller, headers: HeaderMap) -> Response {
    let Some(mut file) = pages.shelf.file(WEBCHAT) else { return not_built() };
    let hosts = pages.settings.chat_servers.iter().map(ChatServer::as_str).collect::<Vec<_>>();
    if !hosts.is_empty() {
        let said = format!(r#"<meta name="nxchat-hosts" content="{}" />"#, hosts.join(" "));
        file = file.rewritten(HOSTS_UNSAID, &said);
    }
    let mut response = answer(&file, &headers, Keep::Not);
    policy::customer(response.headers_mut(), &caller.base_url, &pages.settings);
    response
}

async fn webchat_asset(
    State(pages): Here,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    pages.asset("webchat", &name, &headers)
}

async fn to_agent() -> Response {
    Redirect::permanent("/agent/").into_response()
}

/// The agents' page.
async fn agent(State(pages): Here, caller: Caller, headers: HeaderMap) -> Response {
    let Some(file) = pages.shelf.file(AGENT) else { return not_built() };
    let mut response = answer(&file, &headers, Keep::AskEachTime);
    policy::console(response.headers_mut(), &caller.base_url);
    response
}

async fn agent_asset(State(pages): Here, Path(name): Path<String>, headers: HeaderMap) -> Response {
    pages.asset("agent", &name, &headers)
}
