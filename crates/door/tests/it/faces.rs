//! Faces, put together.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use maru_door::{Face, Faces, RouteSet, Routes, ServerOptions};

use crate::house::{House, body, header, status};

/// A face that answers with its name.
#[derive(Debug)]
struct Named(&'static str, Vec<(&'static str, &'static str)>);

async fn name(State(face): State<Arc<Named>>) -> &'static str {
    face.0
}

impl Face for Named {
    fn name(&self) -> &'static str {
        self.0
    }

    fn routes(self: Arc<Self>) -> RouteSet {
        let mut routes = Routes::of(Arc::clone(&self))
            .not_allowed(async || (StatusCode::METHOD_NOT_ALLOWED, "not like this"));
        for (method, path) in &self.1 {
            routes = match *method {
                "GET" => routes.get(*path, name),
                "POST" => routes.post(*path, name),
                "DELETE" => routes.delete(*path, name),
                _ => routes.any(*path, name),
            };
        }
        routes.done()
    }
}

fn mount(faces: &[(&'static str, &[(&'static str, &'static str)])]) -> Result<Faces, String> {
    let faces =
        faces.iter().map(|(name, routes)| Arc::new(Named(name, routes.to_vec())) as Arc<dyn Face>);
    Faces::mount(faces.collect()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn each_face_answers_its_routes_and_all_of_them_are_listed() {
    let faces = mount(&[
        ("b", &[("POST", "/b/{id}"), ("GET", "/b/{id}"), ("DELETE", "/b")]),
        ("a", &[("ANY", "/a/{*rest}"), ("GET", "/a")]),
    ])
    .unwrap();
    let listed: Vec<String> =
        faces.routes().iter().map(|route| format!("{route} {}", route.face)).collect();
    assert_eq!(
        listed,
        ["GET /a a", "ANY /a/{*rest} a", "DELETE /b b", "GET /b/{id} b", "POST /b/{id} b"]
    );

    let house = House::open(faces.into_router(), ServerOptions::default()).await;
    for (request, expected, text, allow) in [
        ("GET /a", "200", "a", None),
        ("PATCH /a/x/y", "200", "a", None),
        ("GET /b/1", "200", "b", None),
        ("POST /b/1", "200", "b", None),
        ("PUT /b/1", "405", "not like this", Some("POST, GET, HEAD")),
        ("GET /b", "405", "not like this", Some("DELETE")),
        ("GET /c", "404", "", None),
    ] {
        let headers = "host: a\r\nconnection: close\r\n\r\n";
        let answer = house.tell(&format!("{request} HTTP/1.1\r\n{headers}")).await;
        assert_eq!((status(&answer), body(&answer)), (expected, text), "{request}");
        assert_eq!(header(&answer, "allow"), allow, "{request}");
    }
}

#[test]
fn two_registrations_of_one_route_are_refused_and_both_named() {
    for (first, second) in [("/x/{id}", "/x/{id}"), ("/x/{id}", "/x/{name}"), ("/{*a}", "/{*b}")] {
        let error = mount(&[("one", &[("GET", first)]), ("two", &[("GET", second)])]).unwrap_err();
        assert!(error.contains("\"one\"") && error.contains("\"two\""), "{error}");
        assert!(error.contains(first) && error.contains(second), "{error}");
    }
    // A path belongs to one face, whatever the method …
    assert!(mount(&[("one", &[("GET", "/x")]), ("two", &[("POST", "/x")])]).is_err());
    // … has one handler a method, and one spelling.
    assert!(mount(&[("one", &[("GET", "/x"), ("GET", "/x")])]).is_err());
    assert!(mount(&[("one", &[("GET", "/x/{a}"), ("POST", "/x/{b}")])]).is_err());
    assert!(mount(&[("one", &[("GET", "/x/{a}"), ("POST", "/x/{a}"), ("GET", "/x/y")])]).is_ok());
}
