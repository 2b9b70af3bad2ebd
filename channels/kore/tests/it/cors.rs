use crate::house::House;

const ORIGIN: &str = "https://page.example";

/// The SDKs' pages are on other origins, and send their calls without cookies (kore-rtm.md §0).
#[tokio::test]
async fn every_answer_can_be_read_by_a_page_and_every_preflight_is_granted() {
    let house = House::new().await;
    assert!(house.routes.len() > 60, "{}", house.routes.len());
    for route in &house.routes {
        let path = route.path.replace("{*path}", "elsewhere").replace(['{', '}'], "");
        for wanted in ["content-type", "authorization,content-type,x-rtm-v", "authorization"] {
            let asked = [
                ("origin", ORIGIN),
                ("access-control-request-method", route.method),
                ("access-control-request-headers", wanted),
            ];
            let granted = house.call("OPTIONS", &path, &asked, "").await;
            assert_eq!((granted.status, granted.body.len()), (204, 0), "{route}");
            let header =
                |name: &str| granted.headers.get(name).map(|value| value.to_str().unwrap());
            assert_eq!(header("access-control-allow-headers"), Some(wanted), "{route}");
            let methods = header("access-control-allow-methods").unwrap();
            assert!(route.method == "ANY" || methods.contains(route.method), "{route}: {methods}");
            assert_eq!(header("access-control-allow-origin"), Some("*"));
            assert_eq!(header("access-control-allow-credentials"), None);
        }
        // None of these has a credential, so most are errors.
        for method in ["GET", "POST", "PATCH"] {
            let answer = house.call(method, &path, &[("origin", ORIGIN)], "").await;
            let allowed = answer.headers.get("access-control-allow-origin");
            assert_eq!(allowed.map(|value| value.as_bytes()), Some(&b"*"[..]), "{method} {route}");
        }
    }
}
