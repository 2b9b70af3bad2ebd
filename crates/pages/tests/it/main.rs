//! The pages as a browser gets them, whether they were built or not.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use maru_door::{Caller, Faces};
use maru_pages::{ChatServer, Pages, Settings};
use tower::ServiceExt as _;

async fn get(settings: Settings, path: &str) -> (Response<()>, String) {
    let router = Faces::mount(vec![Pages::new(settings)]).unwrap().into_router();
    let (parts, body) = router.oneshot(request("GET", path)).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (Response::from_parts(parts, ()), String::from_utf8(body.to_vec()).unwrap())
}

fn request(method: &str, path: &str) -> Request<Body> {
    let caller = Caller {
        request_id: Arc::from("1"),
        peer: IpAddr::from([127, 0, 0, 1]),
        base_url: Arc::from("http://127.0.0.1:8080"),
    };
    Request::builder().method(method).uri(path).extension(caller).body(Body::empty()).unwrap()
}

/// Whether this is a tree in which `make web` was run. The suites of conformance/ run on one that was.
fn built() -> bool {
    std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/dist/nxWebApi.js"))
        .exists()
}

#[tokio::test]
async fn every_path_gives_its_file_or_says_how_to_build_it() {
    let paths =
        ["/nxWebApi.js", "/ukakao/nxWebApi.js", "/webchat.html", "/ukakao/webchat.html", "/agent/"];
    for path in paths {
        let (response, body) = get(Settings::default(), path).await;
        if built() {
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        } else {
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert!(body.contains("make web"), "{body}");
        }
    }
}

#[tokio::test]
async fn what_is_no_file_of_a_page_is_not_there() {
    for path in [
        "/webchat/assets/nothing.js",
        "/webchat/assets/..%2f..%2fnxWebApi.js",
        "/agent/assets/.gitignore",
    ] {
        assert_eq!(
            get(Settings::default(), path).await.0.status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_customers_page_is_kept_nowhere_and_told_its_servers() {
    if !built() {
        return;
    }
    let settings = Settings {
        chat_servers: vec![ChatServer::parse("chat.example.com").unwrap()],
        ..Settings::default()
    };
    let (response, body) = get(settings, "/webchat.html").await;
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(response.headers()[header::REFERRER_POLICY], "no-referrer");
    assert!(body.contains(r#"content="chat.example.com""#), "{body}");
    assert!(!body.contains("<style") && !body.contains("<script>"), "{body}");
}

/// Every route there is; all are for anybody, and read nothing.
const ROUTES: [&str; 10] = [
    "/agent",
    "/agent/",
    "/agent/assets/{name}",
    concat!("/nxWebApi/", env!("CARGO_PKG_VERSION"), "/nxWebApi.js"),
    "/nxWebApi.d.ts",
    "/nxWebApi.js",
    "/ukakao/nxWebApi.js",
    "/ukakao/webchat.html",
    "/webchat.html",
    "/webchat/assets/{name}",
];

#[tokio::test]
async fn the_table_has_every_route_and_a_wrong_method_is_refused_on_each() {
    let faces = Faces::mount(vec![Pages::new(Settings::default())]).unwrap();
    let served: BTreeSet<_> = faces.routes().iter().map(|route| route.path.to_string()).collect();
    let tabled: BTreeSet<String> = ROUTES.map(str::to_owned).into();
    assert_eq!(served, tabled);
    for path in tabled {
        let request = request("POST", &path.replace("{name}", "a.js"));
        let router = Faces::mount(vec![Pages::new(Settings::default())]).unwrap().into_router();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert!(response.headers()[header::ALLOW].to_str().unwrap().contains("GET"), "{path}");
    }
}
