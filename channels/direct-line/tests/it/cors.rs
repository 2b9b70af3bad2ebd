use serde_json::Value;

use crate::client::Request;
use crate::house::House;

const ORIGIN: &str = "https://page.example";

#[tokio::test]
async fn every_answer_can_be_read_by_a_page_and_every_preflight_is_granted() {
    let house = House::new().await;
    assert!(house.routes.len() >= 12);
    for route in &house.routes {
        let path = route.path.replace("{conversation}", "c").replace("{file}", "f");
        let path = path.replace("{*path}", "elsewhere");
        let with_cookies = path.ends_with("/getsessionid");
        let origin = if with_cookies { ORIGIN } else { "*" };
        let preflight = Request::new("OPTIONS", &path)
            .header("Origin", ORIGIN)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "authorization, x-ms-bot-agent, traceparent");
        let granted = house.send(preflight).await;
        assert_eq!((granted.status, granted.body.len()), (204, 0), "{route}");
        assert_eq!(
            granted.header("access-control-allow-headers"),
            Some("authorization, x-ms-bot-agent, traceparent"),
        );
        assert_eq!(granted.header("access-control-max-age"), Some("86400"));
        // None of these has a credential, so most are errors.
        for method in ["GET", "POST", "DELETE"] {
            let answer = house.send(Request::new(method, &path).header("Origin", ORIGIN)).await;
            for answer in [&granted, &answer] {
                assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{route}");
                let cookies = answer.header("access-control-allow-credentials");
                assert_eq!(cookies, with_cookies.then_some("true"), "{route}");
            }
        }
    }
}

#[tokio::test]
async fn a_browser_keeps_its_session() {
    let house = House::new().await;
    let path = "/v3/directline/session/getsessionid";
    let first = house.send(Request::get(path).header("Origin", ORIGIN)).await;
    assert_eq!(first.status, 200);
    let id = first.json()["sessionId"].as_str().unwrap().to_owned();
    let cookie = first.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with(&format!("webchat_session_v2={id};")) && cookie.contains("HttpOnly")
    );
    let session = async |cookie: &str| -> Value {
        let request = Request::get(path).header("Cookie", cookie);
        house.send(request).await.json()["sessionId"].clone()
    };
    assert_eq!(session(&format!("a=b; webchat_session_v2={id}")).await, id.as_str());
    assert_ne!(session("webchat_session_v2=made-up").await, "made-up");
}
