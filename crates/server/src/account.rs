//! `/-/login`, `/-/invite/...`, `/-/account` and `/-/v1/...`: how people come in, for browsers and for programs.
//!
//! Every form is for pages of this server alone ([`same_origin`]). No answer may be kept by anybody, and none leads
//! anywhere with a secret in its address.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use auth::{invitation, session, token};
use bytes::Bytes;
use engine::access::Digest;
use engine::{Api, Error};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{Method, StatusCode};
use serde_json::{Value as Json, json};
use store::{Query, Statement, Type};

use crate::cookie;
use crate::http::{Answer, HTML, JSON, from_api, with_type};
use crate::login::{Client, Logins, Refused};
use crate::page::{self, account as pages};
use crate::same_origin::{Source, source};

const LOGIN: &str = "/-/login";
const ACCOUNT: &str = "/-/account";
const STYLE: &str = "/-/style.css";
/// Below it answers are for programs. The API has operations of its own there.
const JSON_PREFIX: &str = "/-/v1/";
/// What people come in by there.
const FOR_PROGRAMS: &[&str] = &["login", "logout", "session"];

/// The largest body of a form.
pub const BODY_LIMIT: usize = 16 << 10;

const WRONG: &str = "Wrong e-mail address or password.";
const STRANGE: &str = "This request does not come from a page of this server.";

/// A request for something of a person's.
pub struct Visit<'a> {
    pub method: &'a Method,
    pub path: &'a str,
    pub headers: &'a HeaderMap,
    pub authority: Option<&'a Authority>,
    pub body: &'a [u8],
    /// What the caller calls the server.
    pub base: &'a Arc<str>,
    pub address: IpAddr,
}

/// Whether a path is one of these.
pub fn is_here(path: &str) -> bool {
    matches!(path, LOGIN | ACCOUNT | STYLE | "/-/logout")
        || path.starts_with("/-/account/")
        || path.starts_with(invitation::PATH)
        || path.strip_prefix(JSON_PREFIX).is_some_and(|below| FOR_PROGRAMS.contains(&below))
}

/// A path as a log may have it: without the secret of an invitation.
pub fn without_secret(path: &str) -> &str {
    if path.starts_with(invitation::PATH) { "/-/invite/..." } else { path }
}

/// Answers a visit.
pub async fn answer(logins: &Logins, api: &Api, visit: &Visit<'_>) -> Answer {
    let mut answer = match visit.path.strip_prefix(JSON_PREFIX) {
        Some(name) => match visit.answer_program(logins, api, name).await {
            Ok(answer) => answer,
            Err(refused) => visit.tell_program(api, refused),
        },
        None => match visit.answer_browser(logins, api).await {
            Ok(answer) => answer,
            Err(refused) => visit.tell_browser(api, refused),
        },
    };
    protect(&mut answer, visit.path == STYLE);
    answer
}

/// The heads of all these answers: nothing is kept, runs, frames, or tells other sites where one was.
///
/// `same-origin` and not `no-referrer`, with which browsers hide from this server too that its own forms are its own.
fn protect(answer: &mut Answer, may_be_kept: bool) {
    let policy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, if may_be_kept { "max-age=3600" } else { "no-store" }),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

impl Visit<'_> {
    fn client(&self) -> Client {
        let agent = self.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Client { address: self.address, agent: agent.unwrap_or_default().to_owned() }
    }

    /// Refuses what may come from a page of somebody else's.
    fn require_same_origin(&self) -> Result<(), Refused> {
        match source(self.headers, self.authority, self.base) {
            Source::Same => Ok(()),
            Source::Other | Source::Untold => Err(Refused::Failed(Error::forbidden(STRANGE))),
        }
    }

    /// The session of the cookie.
    async fn session(&self, logins: &Logins, api: &Api) -> Result<Option<(Digest, session::Session)>, Refused> {
        let Some(digest) = cookie::read(self.headers, self.base) else {
            return Ok(None);
        };
        let found = logins.session(api, &digest).await?;
        if found.is_some() {
            logins.notice(api, &digest).await;
        }
        Ok(found.map(|session| (digest, session)))
    }

    async fn answer_program(&self, logins: &Logins, api: &Api, name: &str) -> Result<Answer, Refused> {
        match (self.method.as_str(), name) {
            ("POST", "login") => {
                // No page of another site can send this type unasked; what says that it is from one is refused all the same.
                if source(self.headers, self.authority, self.base) == Source::Other {
                    return Err(Refused::Failed(Error::forbidden(STRANGE)));
                }
                let (email, password) = self.credentials()?;
                let secret = logins.log_in(api, &email, &password, &self.client()).await?;
                let found = logins.session(api, &session::digest(&secret)).await?.ok_or(Refused::Wrong)?;
                Ok(self.with_cookie(say(&described(&found)), cookie::set(&secret, logins.lifetime, self.base)))
            }
            ("POST", "logout") => {
                self.require_same_origin()?;
                if let Some(digest) = cookie::read(self.headers, self.base) {
                    logins.log_out(api, digest).await?;
                }
                Ok(self.with_cookie(say(&json!({})), cookie::unset(self.base)))
            }
            ("GET" | "HEAD", "session") => match self.session(logins, api).await? {
                Some((_, session)) => Ok(say(&described(&session))),
                None => Err(Refused::Failed(Error::not_authorized())),
            },
            _ => Err(Refused::Failed(Error::no_route())),
        }
    }

    /// E-mail address and password in a body of JSON.
    fn credentials(&self) -> Result<(String, String), Refused> {
        let sent = self.headers.get(header::CONTENT_TYPE).and_then(|sent| sent.to_str().ok()).unwrap_or_default();
        if !sent.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
            return Err(Refused::Failed(Error::unsupported_type(sent)));
        }
        let body: Json =
            serde_json::from_slice(self.body).map_err(|_| Error::bad("Could not parse request data, invalid JSON"))?;
        let text = |name: &str| match &body[name] {
            Json::String(text) => Ok(text.clone()),
            Json::Null => Err(Error::missing(name)),
            _ => Err(Error::field(name, "Not a text")),
        };
        Ok((text("email")?, text("password")?))
    }

    async fn answer_browser(&self, logins: &Logins, api: &Api) -> Result<Answer, Refused> {
        if self.method == Method::POST {
            self.require_same_origin()?;
        }
        let form = Form::read(self.body)?;
        if let Some(secret) = self.path.strip_prefix(invitation::PATH) {
            return self.answer_invitation(logins, api, secret, &form).await;
        }
        match (self.method.as_str(), self.path) {
            ("GET" | "HEAD", STYLE) => Ok(with_type(StatusCode::OK, CSS, Bytes::from_static(page::STYLE.as_bytes()))),
            ("GET" | "HEAD", LOGIN) => match self.session(logins, api).await? {
                Some(_) => Ok(lead_to(ACCOUNT)),
                None => Ok(html(StatusCode::OK, pages::login("", None))),
            },
            ("POST", LOGIN) => {
                let email = form.text("email");
                match logins.log_in(api, email, form.text("password"), &self.client()).await {
                    Ok(secret) => {
                        Ok(self.with_cookie(lead_to(ACCOUNT), cookie::set(&secret, logins.lifetime, self.base)))
                    }
                    Err(refused) => self.again(refused, |wrong| pages::login(email, Some(wrong))),
                }
            }
            ("POST", "/-/logout") => {
                if let Some(digest) = cookie::read(self.headers, self.base) {
                    logins.log_out(api, digest).await?;
                }
                Ok(self.with_cookie(lead_to(LOGIN), cookie::unset(self.base)))
            }
            (_, path) if path == ACCOUNT || path.starts_with("/-/account/") => match self.session(logins, api).await? {
                Some((digest, session)) => self.answer_account(logins, api, digest, &session, &form).await,
                None => Ok(lead_to(LOGIN)),
            },
            _ => Err(Refused::Failed(Error::no_route())),
        }
    }

    async fn answer_invitation(
        &self,
        logins: &Logins,
        api: &Api,
        secret: &str,
        form: &Form,
    ) -> Result<Answer, Refused> {
        let find =
            async || invitation::find(&mut api.read().await?, secret, api.clock.now()).await.map_err(Error::from);
        match self.method.as_str() {
            "GET" | "HEAD" => {
                let invited = find().await?.ok_or(Refused::Gone)?;
                Ok(html(StatusCode::OK, pages::invite(secret, &invited, &invited.name, None)))
            }
            "POST" => {
                let (name, chosen) = (form.text("name"), [form.text("password"), form.text("again")]);
                match logins.accept(api, secret, name, chosen, &self.client()).await {
                    Ok(fresh) => {
                        Ok(self.with_cookie(lead_to(ACCOUNT), cookie::set(&fresh, logins.lifetime, self.base)))
                    }
                    Err(Refused::Rule(wrong)) => {
                        let invited = find().await?.ok_or(Refused::Gone)?;
                        Ok(html(StatusCode::BAD_REQUEST, pages::invite(secret, &invited, name, Some(&wrong))))
                    }
                    Err(refused) => Err(refused),
                }
            }
            _ => Err(Refused::Failed(Error::no_route())),
        }
    }

    async fn answer_account(
        &self,
        logins: &Logins,
        api: &Api,
        digest: Digest,
        session: &session::Session,
        form: &Form,
    ) -> Result<Answer, Refused> {
        let user = session.user;
        let gid = model::gid::parse(form.text("gid")).unwrap_or_default();
        let now = api.clock.now();
        match (self.method.as_str(), &self.path[ACCOUNT.len()..]) {
            ("GET" | "HEAD", "") => {
                let shown = self.account(api, session, None, None).await?;
                Ok(html(StatusCode::OK, shown))
            }
            ("POST", "/tokens") => match logins.create_token(api, user, form.text("label")).await {
                Ok(token) => Ok(html(StatusCode::CREATED, self.account(api, session, Some(&token), None).await?)),
                Err(Refused::Rule(wrong)) => {
                    let shown = self.account(api, session, None, Some(pages::Note::Wrong(&wrong))).await?;
                    Ok(html(StatusCode::BAD_REQUEST, shown))
                }
                Err(refused) => Err(refused),
            },
            ("POST", "/tokens/revoke") => {
                api.db.write(move |write| token::revoke_own(write, now, user, gid)).await?;
                Ok(lead_to(ACCOUNT))
            }
            ("POST", "/sessions/revoke") => {
                api.db.write(move |write| session::revoke(write, user, gid)).await?;
                Ok(lead_to(ACCOUNT))
            }
            ("POST", "/password") => {
                let texts = [form.text("old"), form.text("password"), form.text("again")];
                let changed = logins.change_password(api, session, digest, texts, &self.client()).await;
                let (status, note) = match &changed {
                    Ok(()) => {
                        (StatusCode::OK, pages::Note::Done("The password is changed; your other sessions have ended."))
                    }
                    Err(Refused::Wrong) => {
                        (StatusCode::BAD_REQUEST, pages::Note::Wrong("That is not your password now."))
                    }
                    Err(Refused::Rule(wrong)) => (StatusCode::BAD_REQUEST, pages::Note::Wrong(wrong)),
                    Err(_) => return changed.map(|()| lead_to(ACCOUNT)),
                };
                Ok(html(status, self.account(api, session, None, Some(note)).await?))
            }
            _ => Err(Refused::Failed(Error::no_route())),
        }
    }

    /// The page of the account.
    async fn account(
        &self,
        api: &Api,
        session: &session::Session,
        fresh: Option<&str>,
        note: Option<pages::Note<'_>>,
    ) -> Result<String, Refused> {
        let mut read = api.read().await?;
        let block = read.one(Query::new(&WORKSPACES, vec![session.user.into()])).await?;
        let workspaces: Vec<(String, &str)> = (0..block.len())
            .map(|row| {
                let role = match (block.bool(row, 1), block.bool(row, 2)) {
                    (true, _) => "guest",
                    (_, true) => "administrator",
                    _ => "member",
                };
                (block.text(row, 0).unwrap_or_default().to_owned(), role)
            })
            .collect();
        let sessions = session::list(&mut read, session.user, api.clock.now()).await?;
        let tokens = token::list(&mut read, session.user).await?;
        let (workspaces, sessions, tokens) = (&workspaces[..], &sessions[..], &tokens[..]);
        Ok(pages::account(&pages::Account { session, workspaces, sessions, tokens, fresh, note }))
    }

    /// The same page again, with what was wrong.
    fn again(&self, refused: Refused, page: impl FnOnce(&str) -> String) -> Result<Answer, Refused> {
        match refused {
            Refused::Wrong => Ok(html(StatusCode::UNAUTHORIZED, page(WRONG))),
            Refused::Wait(seconds) => {
                Ok(later(html(StatusCode::TOO_MANY_REQUESTS, page(&too_often(seconds))), seconds))
            }
            refused => Err(refused),
        }
    }

    fn tell_browser(&self, api: &Api, refused: Refused) -> Answer {
        match refused {
            Refused::Gone => html(StatusCode::NOT_FOUND, pages::gone()),
            Refused::Wrong => html(StatusCode::UNAUTHORIZED, pages::refused(WRONG)),
            Refused::Rule(text) => html(StatusCode::BAD_REQUEST, pages::refused(&text)),
            Refused::Wait(seconds) => {
                later(html(StatusCode::TOO_MANY_REQUESTS, pages::refused(&too_often(seconds))), seconds)
            }
            Refused::Failed(error) if error.status == 404 => self.tell_program(api, Refused::Failed(error)),
            Refused::Failed(error) => {
                // It logs the failure, and knows the status and when to come again.
                let mut answer = from_api(api.refuse(&error, self.base));
                let (status, retry) = (answer.status(), answer.headers().get(header::RETRY_AFTER).cloned());
                answer = html(status, pages::refused(&error.message));
                if let Some(seconds) = retry {
                    answer.headers_mut().insert(header::RETRY_AFTER, seconds);
                }
                answer
            }
        }
    }

    fn tell_program(&self, api: &Api, refused: Refused) -> Answer {
        let error = match refused {
            Refused::Wrong | Refused::Gone => Error { message: WRONG.to_owned(), ..Error::not_authorized() },
            Refused::Rule(text) => Error::bad(text),
            Refused::Wait(seconds) => {
                Error { status: 429, retry_after: Some(seconds), ..Error::bad(too_often(seconds)) }
            }
            Refused::Failed(error) => error,
        };
        from_api(api.refuse(&error, self.base))
    }

    fn with_cookie(&self, mut answer: Answer, cookie: Option<HeaderValue>) -> Answer {
        if let Some(cookie) = cookie {
            answer.headers_mut().append(header::SET_COOKIE, cookie);
        }
        answer
    }
}

static WORKSPACES: LazyLock<Arc<Statement>> = LazyLock::new(|| {
    Statement::new(
        "SELECT w.name, m.is_guest, m.is_admin FROM workspace_memberships m JOIN workspaces w ON w.gid = m.workspace_id \
         WHERE m.user_id = ?1 ORDER BY w.gid",
        &[Type::Text, Type::Bool, Type::Bool],
    )
});

const CSS: HeaderValue = HeaderValue::from_static("text/css; charset=UTF-8");

fn too_often(seconds: u32) -> String {
    format!("Too many attempts. Try again in {seconds} seconds.")
}

fn later(mut answer: Answer, seconds: u32) -> Answer {
    answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    answer
}

fn html(status: StatusCode, page: String) -> Answer {
    with_type(status, HTML, page.into())
}

/// Another page, by GET.
fn lead_to(path: &'static str) -> Answer {
    let mut answer = html(StatusCode::SEE_OTHER, String::new());
    answer.headers_mut().insert(header::LOCATION, HeaderValue::from_static(path));
    answer
}

fn say(data: &Json) -> Answer {
    with_type(StatusCode::OK, JSON, json!({ "data": data }).to_string().into())
}

fn described(session: &session::Session) -> Json {
    let time = |ms: i64| {
        let mut text = Vec::new();
        model::time::format_time(ms, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    };
    json!({
        "user": { "gid": session.user.to_string(), "name": session.name, "email": session.email },
        "session": {
            "gid": session.gid.to_string(),
            "created_at": time(session.created_at),
            "expires_at": time(session.expires_at),
            "ends_at": time(session.ends_at),
        },
    })
}

/// The fields of a form.
struct Form(Vec<(String, String)>);

impl Form {
    fn read(body: &[u8]) -> Result<Form, Error> {
        let text = std::str::from_utf8(body).map_err(|_| Error::bad("The form is not valid UTF-8 text"))?;
        Ok(Form(engine::parameter::parse_pairs(text)?))
    }

    /// A field; empty where it is missing.
    fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}
