//! The pages of a person: logging in, accepting an invitation, the account.

use auth::invitation::{self, Invited};
use auth::password::SHORTEST;
use auth::session::Session;
use auth::token::Token;
use model::time::format_time;

use super::{escaped, page};

/// What the page of an account shows.
pub struct Account<'a> {
    /// The session in which it is looked at.
    pub session: &'a Session,
    /// The person's workspaces, each with what the person is there.
    pub workspaces: &'a [(String, &'static str)],
    /// The person's sessions.
    pub sessions: &'a [Session],
    /// The person's tokens.
    pub tokens: &'a [Token],
    /// A new token, which is shown this once.
    pub fresh: Option<&'a str>,
    /// What has been done, or what was wrong with it.
    pub note: Option<Note<'a>>,
}

/// What is said on top of a page.
#[derive(Clone, Copy)]
pub enum Note<'a> {
    Done(&'a str),
    Wrong(&'a str),
}

fn noted(note: Option<Note<'_>>) -> String {
    match note {
        None => String::new(),
        Some(Note::Done(text)) => format!("<p role=\"status\">{}</p>\n", escaped(text)),
        Some(Note::Wrong(text)) => format!("<p class=\"wrong\" role=\"alert\">{}</p>\n", escaped(text)),
    }
}

/// Where one logs in. `email` is what has been typed already.
pub fn login(email: &str, wrong: Option<&str>) -> String {
    let body = format!(
        "<h1>Log in</h1>
{}<form class=\"card\" method=\"post\" action=\"/-/login\">
<label>E-mail address <input type=\"email\" name=\"email\" value=\"{}\" required autocomplete=\"username\"></label>
<label>Password <input type=\"password\" name=\"password\" required autocomplete=\"current-password\"></label>
<button>Log in</button>
</form>
<p class=\"quiet\">No password, or forgotten? An administrator can send you a link to set one.</p>
",
        noted(wrong.map(Note::Wrong)),
        escaped(email)
    );
    page("Log in", &body)
}

/// Where an invitation is accepted. `name` is what has been typed already.
pub fn invite(secret: &str, invited: &Invited, name: &str, wrong: Option<&str>) -> String {
    let body = format!(
        "<h1>Welcome</h1>
<p>Choose how others see you, and a password. You log in with <strong>{email}</strong>.</p>
{}<form class=\"card\" method=\"post\" action=\"{path}{}\">
<input type=\"email\" name=\"email\" value=\"{email}\" autocomplete=\"username\" hidden readonly>
<label>Name <input name=\"name\" value=\"{}\" required maxlength=\"200\" autocomplete=\"name\"></label>
<label>Password, at least {SHORTEST} characters
<input type=\"password\" name=\"password\" required minlength=\"{SHORTEST}\" autocomplete=\"new-password\"></label>
<label>The same again
<input type=\"password\" name=\"again\" required minlength=\"{SHORTEST}\" autocomplete=\"new-password\"></label>
<button>Let me in</button>
</form>
",
        noted(wrong.map(Note::Wrong)),
        escaped(secret),
        escaped(name),
        email = escaped(&invited.email),
        path = invitation::PATH,
    );
    page("Welcome", &body)
}

/// The link of an invitation is not good any more, or never was.
pub fn gone() -> String {
    page(
        "Link",
        "<h1>This link is not good any more</h1>
<p>It works once and for seven days, and a newer one takes its place. An administrator can send you another.</p>
<p><a href=\"/-/login\">Log in</a></p>
",
    )
}

/// What is refused, and nothing else to see.
pub fn refused(text: &str) -> String {
    let text = escaped(text);
    page("Refused", &format!("<h1>Not so</h1>\n<p>{text}</p>\n<p><a href=\"/-/account\">Back to the account</a></p>\n"))
}

/// The account of whoever has logged in.
pub fn account(account: &Account<'_>) -> String {
    let Account { session, workspaces, sessions, tokens, fresh, note } = account;
    let workspaces: Vec<_> = workspaces.iter().map(|(name, role)| format!("{} ({role})", escaped(name))).collect();
    let fresh = fresh.map_or_else(String::new, |token| {
        format!(
            "<p>Here is the new token. Copy it now: nobody can read it again.</p>\n<p><code class=\"secret\">{}</code></p>\n",
            escaped(token)
        )
    });
    let body = format!(
        "<div class=\"top\"><h1>{}</h1><form method=\"post\" action=\"/-/logout\"><button class=\"quiet\">Log out</button></form></div>
<p>{} <span class=\"quiet\">{}</span></p>
{}<section>
<h2>Personal access tokens</h2>
{fresh}<p class=\"quiet\">Programs that call the API send one. Whoever has it may do what you may.</p>
{}<form class=\"narrow\" method=\"post\" action=\"/-/account/tokens\">
<label>What the new token is for <input name=\"label\" required maxlength=\"200\" autocomplete=\"off\"></label>
<button>Create token</button>
</form>
</section>
<section>
<h2>Password</h2>
<form class=\"narrow\" method=\"post\" action=\"/-/account/password\">
<input type=\"email\" name=\"email\" value=\"{}\" autocomplete=\"username\" hidden readonly>
<label>Your password now <input type=\"password\" name=\"old\" required autocomplete=\"current-password\"></label>
<label>New password, at least {SHORTEST} characters
<input type=\"password\" name=\"password\" required minlength=\"{SHORTEST}\" autocomplete=\"new-password\"></label>
<label>The same again
<input type=\"password\" name=\"again\" required minlength=\"{SHORTEST}\" autocomplete=\"new-password\"></label>
<button>Change password</button> <small>Your other sessions end.</small>
</form>
</section>
<section>
<h2>Sessions</h2>
{}</section>
",
        escaped(&session.name),
        escaped(&session.email),
        workspaces.join(", "),
        noted(*note),
        token_table(tokens),
        escaped(&session.email),
        session_table(sessions, session.gid),
    );
    page(&session.name, &body)
}

fn token_table(tokens: &[Token]) -> String {
    let mut rows = String::new();
    for token in tokens.iter().filter(|token| token.revoked_at.is_none()) {
        rows.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            escaped(&token.label),
            written(token.created_at),
            revoke("/-/account/tokens/revoke", token.gid, "Revoke"),
        ));
    }
    if rows.is_empty() {
        return "<p>You have none.</p>\n".to_owned();
    }
    format!("<div class=\"scroll\"><table>\n<tr><th>For</th><th>Created</th><th></th></tr>\n{rows}</table></div>\n")
}

fn session_table(sessions: &[Session], own: i64) -> String {
    let mut rows = String::new();
    for session in sessions {
        let end = match session.gid == own {
            true => "this one".to_owned(),
            false => revoke("/-/account/sessions/revoke", session.gid, "End"),
        };
        rows.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{end}</td></tr>\n",
            written(session.seen_at),
            written(session.created_at),
            escaped(&session.origin.address),
            escaped(&session.origin.agent),
        ));
    }
    format!(
        "<div class=\"scroll\"><table>\n<tr><th>Used</th><th>Begun</th><th>From</th><th>With</th><th></th></tr>\n{rows}</table></div>\n"
    )
}

fn revoke(action: &str, gid: i64, word: &str) -> String {
    format!(
        "<form method=\"post\" action=\"{action}\"><input type=\"hidden\" name=\"gid\" value=\"{gid}\"><button class=\"quiet\">{word}</button></form>"
    )
}

/// A time for people, to the minute.
fn written(ms: i64) -> String {
    let mut text = Vec::new();
    format_time(ms, &mut text);
    let text = String::from_utf8_lossy(&text).replace('T', " ");
    format!("{} UTC", text.get(..16).unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_people_write_becomes_markup() {
        let text = "\"><script>'&";
        let invited = Invited { user: 1, name: text.into(), email: text.into() };
        let session = Session {
            gid: 1,
            user: 1,
            name: text.into(),
            email: text.into(),
            origin: auth::session::Origin { address: text.into(), agent: text.into() },
            created_at: 0,
            seen_at: 0,
            expires_at: 0,
            ends_at: 0,
        };
        let token = Token { gid: 2, label: text.into(), created_at: 0, revoked_at: None };
        let shown = Account {
            session: &session,
            workspaces: &[(text.into(), "member")],
            sessions: std::slice::from_ref(&session),
            tokens: std::slice::from_ref(&token),
            fresh: Some(text),
            note: Some(Note::Done(text)),
        };
        for page in [login(text, Some(text)), invite(text, &invited, text, Some(text)), refused(text), account(&shown)]
        {
            assert!(page.contains("&quot;&gt;&lt;script&gt;&#39;&amp;") && !page.contains("<script"), "{page}");
            assert!(!page.contains("style=") && !page.contains("<style"), "{page}");
        }
    }
}
