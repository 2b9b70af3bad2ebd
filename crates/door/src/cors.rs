//! What browsers need to let a page of another origin read an answer, errors not least: without
//! these headers an error looks to the page like a network that failed.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

/// A day, in seconds. A preflight is kept by its address with its query, so that a poll costs one
/// each time anyway: it is answered here, before anything is looked up.
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");
const ANY: HeaderValue = HeaderValue::from_static("*");
const TRUE: HeaderValue = HeaderValue::from_static("true");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What a face allows to the pages of any origin. Who may call is found out by the credential: the
/// headers only say that a page may read what it is answered.
#[derive(Clone, Copy, Debug)]
pub struct Cors {
    /// The methods: `GET, POST, OPTIONS`.
    pub methods: &'static str,
    /// The headers that are allowed where a preflight does not say which ones it wants. Those it
    /// does are allowed.
    pub headers: &'static str,
    /// The headers of an answer that a page may read.
    pub exposed: &'static str,
    /// The one path that browsers call with cookies, if there is one; they then refuse `*` as an
    /// origin.
    pub cookies_at: Option<&'static str>,
}

/// A layer around each route of a face: answers preflights, and puts the headers on everything else.
impl<S> Layer<S> for Cors {
    type Service = InCors<S>;

    fn layer(&self, inner: S) -> InCors<S> {
        InCors { inner, cors: *self }
    }
}

/// A service with [`Cors`] around it.
#[derive(Clone, Debug)]
pub struct InCors<S> {
    inner: S,
    cors: Cors,
}

impl<S> Service<Request> for InCors<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let cors = self.cors;
        let with_cookies = cors.cookies_at.is_some_and(|path| request.uri().path() == path);
        let origin = request.headers().get(header::ORIGIN).filter(|_| with_cookies).cloned();
        let answer = if request.method() == Method::OPTIONS {
            Answer::Known { response: Some(cors.preflight(request.headers())) }
        } else {
            Answer::Asked { answer: self.inner.call(request) }
        };
        Answering { answer, cors, with_cookies, origin }
    }
}

pin_project! {
    /// An answer on its way.
    #[derive(Debug)]
    pub struct Answering<F> {
        #[pin]
        answer: Answer<F>,
        cors: Cors,
        with_cookies: bool,
        origin: Option<HeaderValue>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = AnswerNow]
    enum Answer<F> {
        Known { response: Option<Response> },
        Asked { #[pin] answer: F },
    }
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for Answering<F> {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = match this.answer.project() {
            AnswerNow::Known { response } => response.take().unwrap_or_default(),
            AnswerNow::Asked { answer } => ready!(answer.poll(cx))?,
        };
        this.cors.mark(response.headers_mut(), *this.with_cookies, this.origin.take());
        Poll::Ready(Ok(response))
    }
}

impl Cors {
    fn mark(&self, headers: &mut HeaderMap, with_cookies: bool, origin: Option<HeaderValue>) {
        if with_cookies {
            headers.append(header::VARY, HeaderValue::from_name(header::ORIGIN));
        }
        match origin {
            Some(origin) => {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
            }
            None => {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
            }
        }
        headers
            .insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(self.exposed));
        // What stands in the answers is one caller's; a file says itself how long it may be kept.
        headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    }

    fn preflight(&self, asked: &HeaderMap) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let wanted = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        let headers: [(HeaderName, HeaderValue); 4] = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(self.methods)),
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                wanted.unwrap_or(HeaderValue::from_static(self.headers)),
            ),
            (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
            (header::VARY, HeaderValue::from_name(header::ACCESS_CONTROL_REQUEST_HEADERS)),
        ];
        response.headers_mut().extend(headers);
        response
    }
}
