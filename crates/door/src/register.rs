//! Putting the faces together.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, any, on};
use http::{HeaderValue, StatusCode, header};
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

/// A set of routes that speaks one protocol.
pub trait Face: Send + Sync + 'static {
    /// Its name, as it stands in errors and documents: `direct-line`.
    fn name(&self) -> &'static str;

    /// Its routes: `Routes::of(self).get("/there", handler).done()`.
    fn routes(self: Arc<Self>) -> RouteSet;
}

/// A route as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteSpec {
    /// Its path, with parameters in braces.
    pub path: Cow<'static, str>,
    /// Its method, or `ANY`.
    pub method: &'static str,
    /// The face that serves it.
    pub face: &'static str,
}

impl fmt::Display for RouteSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

type NotAllowed = BoxCloneSyncService<Request, Response, Infallible>;

struct Route {
    method: &'static str,
    path: Cow<'static, str>,
    served: MethodRouter,
}

/// A face's routes. What is served and what is listed are one thing, so that no route is missing
/// from the list.
pub struct RouteSet {
    routes: Vec<Route>,
    not_allowed: Option<NotAllowed>,
}

/// The routes of a face under construction; their handlers extract the state `S`.
pub struct Routes<S> {
    state: S,
    set: RouteSet,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// None yet. The state is usually the face itself.
    pub fn of(state: S) -> Self {
        Self { state, set: RouteSet { routes: Vec::new(), not_allowed: None } }
    }

    /// Answers `GET`, and `HEAD` without the body.
    #[must_use]
    pub fn get<H, T>(self, path: impl Into<Cow<'static, str>>, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add("GET", path.into(), on(MethodFilter::GET, handler))
    }

    /// Answers `POST`.
    #[must_use]
    pub fn post<H, T>(self, path: impl Into<Cow<'static, str>>, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add("POST", path.into(), on(MethodFilter::POST, handler))
    }

    /// Answers `PUT`.
    #[must_use]
    pub fn put<H, T>(self, path: impl Into<Cow<'static, str>>, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add("PUT", path.into(), on(MethodFilter::PUT, handler))
    }

    /// Answers `PATCH`.
    #[must_use]
    pub fn patch<H, T>(self, path: impl Into<Cow<'static, str>>, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add("PATCH", path.into(), on(MethodFilter::PATCH, handler))
    }

    /// Answers `DELETE`.
    #[must_use]
    pub fn delete<H, T>(self, path: impl Into<Cow<'static, str>>, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add("DELETE", path.into(), on(MethodFilter::DELETE, handler))
    }

    /// Answers `OPTIONS`.
    #[must_use]
    pub fn options<H, T>(self, path: impl Into<Cow<'static, str>>, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add("OPTIONS", path.into(), on(MethodFilter::OPTIONS, handler))
    }

    /// Answers every method that has no handler of its own at this path.
    #[must_use]
    pub fn any<H, T>(self, path: impl Into<Cow<'static, str>>, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add("ANY", path.into(), any(handler))
    }

    /// Answers the methods that a path of this face does not have, in the protocol's own way. The
    /// header `Allow` is added to what has the status 405.
    #[must_use]
    pub fn not_allowed<H, T>(mut self, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let service = handler.with_state(self.state.clone());
        self.set.not_allowed = Some(BoxCloneSyncService::new(service));
        self
    }

    /// The finished set.
    pub fn done(self) -> RouteSet {
        self.set
    }

    fn add(
        mut self,
        method: &'static str,
        path: Cow<'static, str>,
        served: MethodRouter<S>,
    ) -> Self {
        let served = served.with_state(self.state.clone());
        self.set.routes.push(Route { method, path, served });
        self
    }
}

/// Two registrations of one route. It names both.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{first} of the face {:?} and {second} of the face {:?} are one route", .first.face, .second.face)]
pub struct DuplicateRoute {
    /// The one that came first.
    pub first: RouteSpec,
    /// The one that came on top.
    pub second: RouteSpec,
}

/// All faces, put together.
#[derive(Debug)]
pub struct Faces {
    router: Router,
    routes: Vec<RouteSpec>,
}

impl Faces {
    /// Puts faces together. A path belongs to one face alone, and is spelled one way: the names
    /// of its parameters are no difference.
    ///
    /// # Errors
    /// [`DuplicateRoute`].
    ///
    /// # Panics
    /// When a path is not one that axum takes, which is a mistake in a face's code.
    pub fn mount(faces: Vec<Arc<dyn Face>>) -> Result<Self, DuplicateRoute> {
        let mut routes: Vec<RouteSpec> = Vec::new();
        let mut router = Router::new();
        // By the path without the names of parameters: where the first route on it is listed.
        let mut taken: HashMap<String, usize> = HashMap::new();
        for face in faces {
            let name = face.name();
            let set = face.routes();
            let mut paths: BTreeMap<Cow<'static, str>, Path> = BTreeMap::new();
            for Route { method, path, served } in set.routes {
                let spec = RouteSpec { path: path.clone(), method, face: name };
                let first = *taken.entry(nameless(&path)).or_insert(routes.len());
                if let Some(first) = routes.get(first)
                    && (first.face != name || first.path != path)
                {
                    return Err(DuplicateRoute { first: first.clone(), second: spec });
                }
                if let Some(first) = routes.iter().find(|known| **known == spec) {
                    return Err(DuplicateRoute { first: first.clone(), second: spec });
                }
                let entry = paths.entry(path).or_default();
                entry.methods.push(method);
                entry.served = std::mem::take(&mut entry.served).merge(served);
                routes.push(spec);
            }
            for (path, served) in paths {
                router = router.route(&path, served.finish(set.not_allowed.as_ref()));
            }
        }
        routes.sort_unstable();
        Ok(Self { router, routes })
    }

    /// Every route there is, by path: for the documents, and for the test that sends bad input to
    /// each of them.
    pub fn routes(&self) -> &[RouteSpec] {
        &self.routes
    }

    /// The router that serves them all. What no face serves is answered 404.
    pub fn into_router(self) -> Router {
        self.router
    }
}

/// What is served on one path.
#[derive(Default)]
struct Path {
    methods: Vec<&'static str>,
    served: MethodRouter,
}

impl Path {
    fn finish(self, not_allowed: Option<&NotAllowed>) -> MethodRouter {
        let Some(not_allowed) = not_allowed else { return self.served };
        if self.methods.contains(&"ANY") {
            return self.served;
        }
        let mut allow = self.methods.join(", ");
        if self.methods.contains(&"GET") {
            allow.push_str(", HEAD");
        }
        let allow = HeaderValue::try_from(allow).ok();
        self.served.fallback_service(not_allowed.clone().map_response(
            move |mut response: Response| {
                if response.status() == StatusCode::METHOD_NOT_ALLOWED
                    && let Some(allow) = &allow
                {
                    response.headers_mut().insert(header::ALLOW, allow.clone());
                }
                response
            },
        ))
    }
}

/// The path with every parameter called the same.
fn nameless(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        match segment
            .split_once('{')
            .and_then(|(before, rest)| Some((before, rest.rsplit_once('}')?)))
        {
            Some((before, (name, after))) if name.starts_with('*') => {
                format!("{before}{{*}}{after}")
            }
            Some((before, (_, after))) => format!("{before}{{}}{after}"),
            None => segment.to_owned(),
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

impl fmt::Debug for RouteSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes = self.routes.iter().map(|route| format!("{} {}", route.method, route.path));
        f.debug_list().entries(routes).finish()
    }
}

impl<S> fmt::Debug for Routes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.set.fmt(f)
    }
}
