//! What clients should not send, route by route: one table, in which no route is missing.

use crate::house::House;

type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str, u16);

const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=b");

/// Every route with what it is sent: the method, headers, a body, and the status.
const TABLE: &[(&str, &[Case])] = &[
    ("GET /", &[("GET", &[], "", 426), ("POST", &[], "", 405)]),
    ("GET /nxchat/ws", &[("GET", &[], "", 426), ("POST", &[], "x", 405)]),
    ("GET /ukakao/ws", &[("GET", &[], "", 426), ("DELETE", &[], "", 405)]),
    (
        "POST /nxchat/upload",
        &[
            ("POST", &[], "", 401),
            ("POST", &[FORM, ("authorization", "Bearer x")], "--b--", 401),
            ("POST", &[FORM, ("authorization", "Basic eDp4")], "--b--", 401),
            ("PUT", &[], "", 405),
        ],
    ),
    ("OPTIONS /nxchat/upload", &[("OPTIONS", &[], "", 204)]),
    ("GET /nxchat/file/{ticket}/{name}", &[("GET", &[], "", 404), ("POST", &[], "", 405)]),
];

#[tokio::test]
async fn no_route_is_missing_and_each_refuses_what_it_should() {
    let house = House::new().await;
    let mut routes: Vec<String> = house.routes.iter().map(ToString::to_string).collect();
    let mut tabled: Vec<String> = TABLE.iter().map(|(route, _)| (*route).to_owned()).collect();
    routes.sort_unstable();
    tabled.sort_unstable();
    assert_eq!(routes, tabled);
    for (route, cases) in TABLE {
        let path = route.split_once(' ').unwrap().1;
        let path = path.replace("{ticket}", "%FF").replace("{name}", "x");
        for (method, headers, body, status) in *cases {
            let url = format!("http://{}{path}", house.at);
            let answer = maru_testkit::call(method, &url, headers, *body).await;
            let told = answer.status;
            // A path that is no UTF-8 leads nowhere either.
            let same = told == *status || (path.contains("%FF") && *method == "GET" && told == 400);
            assert!(same, "{method} {path}: {told}, {}", answer.text());
        }
    }
}
