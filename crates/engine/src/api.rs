//! One request of the API, from its parts to its answer.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use model::{Clock, Random};
use store::{Db, Read};
use tokio::sync::Notify;

use crate::access::{self, Digest, Levels, Name, Viewer, Viewers, field_refusal, object_query, path_refusal};
use crate::apply::Ready;
use crate::body::{Encoding, Options, Upload, accept};
use crate::call::{Call, Shared};
use crate::error::{Error, Result};
use crate::kept::{Epochs, Kept};
use crate::link::Links;
use crate::operation::{Action, Listing, Method, OWN, Operation, Outcome, Rule};
use crate::page::{Listed, Listings, Page, Tokens, filter_value, scope};
use crate::parameter::{Parameters, shortened};
use crate::plan::Plan;
use crate::read::{Loaded, Scene, load};
use crate::resource::{Names, Resource};
use crate::response::Response;
use crate::route::{Route, Routes, Target};
use crate::select::Selection;

/// Below this path lies the API.
pub const PREFIX: &str = "/api/1.0";

/// What of the path of an address names an operation; `None` when it is not one of the API's and not one of our own.
pub fn path_of_operation(path: &str) -> Option<&str> {
    let below = |prefix: &str| path.strip_prefix(prefix).filter(|below| below.is_empty() || below.starts_with('/'));
    match below(OWN) {
        Some(_) => Some(path),
        None => below(PREFIX).filter(|path| path.strip_prefix(OWN).is_none()),
    }
}

/// Numbers that an installation may set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The largest `limit` of a page.
    pub page: usize,
    /// The most objects that a list without `limit` returns.
    pub unpaginated: usize,
    /// How long an offset is good for, in seconds.
    pub offset_lifetime: i64,
    /// How long things stay in the trash, in days.
    pub trash_days: i64,
    /// How long jobs that are done can be asked about, in days.
    pub job_days: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { page: 100, unpaginated: 10_000, offset_lifetime: 86_400, trash_days: 30, job_days: 30 }
    }
}

/// A request, after HTTP has been read and before anything is known about it.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The method; none when it is one that the API never has.
    pub method: Option<Method>,
    /// The path below [`PREFIX`], still percent-encoded.
    pub path: &'a str,
    /// The query string.
    pub query: &'a str,
    /// SHA-256 of the token, if one was sent.
    pub token: Option<Digest>,
    /// The Content-Type header.
    pub content_type: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
    /// The address that the caller used, without a slash at the end.
    pub base: Arc<str>,
    /// The file that came with it.
    pub upload: Option<Upload>,
}

/// Plans remembered at once.
const MOST_PLANS: usize = 2_000;
/// A plan of more queries is made anew each time: nobody means such an `opt_fields`, and together they would fill memory.
const LARGEST_KEPT_PLAN: usize = 100;
/// How often a request is tried when the access data changes under it.
const ATTEMPTS: usize = 4;

/// The API over a database.
pub struct Api {
    /// The database.
    pub db: Db,
    /// The resources, in the order of the table of contents.
    pub resources: &'static [&'static Resource],
    /// The operations.
    pub routes: Routes,
    /// The numbers.
    pub limits: Limits,
    /// The time.
    pub clock: Clock,
    /// Randomness for phrases.
    pub random: Random,
    /// What signs addresses.
    pub links: Arc<Links>,
    tokens: Tokens,
    viewers: Viewers,
    kept: Kept,
    listings: Listings,
    shared: Arc<Shared>,
    /// Told when a request has left something for later.
    enqueued: Notify,
    plans: RwLock<HashMap<PlanKey, Arc<Plan>>>,
}

/// What a plan is made for: an operation and what it shows, and `opt_fields`.
type PlanKey = ((usize, usize), String);

/// What a write came to.
struct Applied {
    /// `None`: the viewer was out of date, and nothing was done.
    outcome: Option<Outcome>,
    /// Whether there is something to be done later.
    enqueued: bool,
}

impl Api {
    /// The API of these resources over a database; `signing_key` signs offsets and addresses.
    pub fn new(
        db: Db,
        resources: &'static [&'static Resource],
        missing: &'static [Operation],
        limits: Limits,
        clock: Clock,
        random: Random,
        signing_key: Vec<u8>,
    ) -> Self {
        Api {
            db,
            resources,
            routes: Routes::new(resources, missing),
            links: Arc::new(Links::new(signing_key.clone())),
            tokens: Tokens::new(signing_key, limits.offset_lifetime),
            limits,
            clock,
            random,
            viewers: Viewers::default(),
            kept: Kept::default(),
            listings: Listings::default(),
            shared: Arc::default(),
            enqueued: Notify::new(),
            plans: RwLock::default(),
        }
    }

    /// Ends when a request of this process has left something for later since the last time. Others may have done so too,
    /// who can't tell.
    pub async fn wait_for_jobs(&self) {
        self.enqueued.notified().await;
    }

    /// Forgets who the callers are and what is kept: the database has been put back to an earlier state, and its epochs
    /// with it.
    pub fn forget(&self) {
        self.viewers.forget();
        self.kept.forget();
    }

    /// Answers a request. Never fails: what goes wrong becomes an answer.
    pub async fn respond(&self, request: &Request<'_>) -> Response {
        match self.answer(request).await {
            Ok(response) => response,
            Err(error) => self.refuse(&error, &request.base),
        }
    }

    /// An error as an answer. A failure of the server gets a phrase, under which its cause is logged.
    pub fn refuse(&self, error: &Error, base: &str) -> Response {
        let phrase = (error.status == 500).then(|| {
            let phrase = phrase::Phrase(self.random.number() as u32).to_string();
            tracing::error!(phrase, "answered Server Error");
            phrase
        });
        Response::error(error, base, phrase.as_deref())
    }

    /// Whether a caller may send a file to an operation, before it is read.
    pub async fn admit_upload(&self, request: &Request<'_>) -> Result<()> {
        let found = request.method.and_then(|method| self.routes.find(method, request.path));
        let (route, _) = found.ok_or_else(Error::no_route)?;
        self.fresh_viewer(&request.token.ok_or_else(Error::not_authorized)?).await?;
        match route.operation.upload() {
            Some(_) => Ok(()),
            None => Err(Error::unsupported_type("multipart/form-data")),
        }
    }

    async fn answer(&self, request: &Request<'_>) -> Result<Response> {
        let found = request.method.and_then(|method| self.routes.find(method, request.path));
        let (route, path) = found.ok_or_else(Error::no_route)?;
        let digest = request.token.ok_or_else(Error::not_authorized)?;
        let mut viewer = match self.viewers.remembered(&digest, self.clock.now()) {
            Some(viewer) => viewer,
            None => self.fresh_viewer(&digest).await?,
        };
        for _ in 0..ATTEMPTS {
            let answer = self.attempt(request, route, &path, &viewer, &digest).await;
            if let Ok(Some(response)) = answer {
                return Ok(response);
            }
            // A caller whose token has gone learns nothing but that, and a refusal has to be one of today's.
            let fresh = self.fresh_viewer(&digest).await?;
            match answer {
                Err(error) if error.status >= 500 || fresh.epoch == viewer.epoch => {
                    return Err(error);
                }
                _ => viewer = fresh,
            }
        }
        Err(Error::unavailable(1))
    }

    /// The answer, unless the viewer is out of date.
    async fn attempt(
        &self,
        request: &Request<'_>,
        route: &Route,
        path: &[(&'static str, String)],
        viewer: &Arc<Viewer>,
        digest: &Digest,
    ) -> Result<Option<Response>> {
        let operation = route.operation;
        if let Action::Missing = operation.action {
            return Err(Error::not_implemented(operation.id));
        }
        let parameters = Parameters::parse(path.to_vec(), request.query)?;
        let target = route.target.map(|target| target_name(&target, &parameters)).transpose()?;
        let (mut body, mut options) = match operation.action {
            Action::Write(_) => {
                let resource = operation.answers.or(route.resource);
                let (mut body, options) =
                    accept(operation, resource, Encoding::of(request.content_type)?, request.body, path)?;
                name_in_path(route, path, &mut body)?;
                (body, options)
            }
            _ => Default::default(),
        };
        if let Some(upload) = request.upload.clone() {
            body.attach(operation, upload)?;
        }
        options.read_query(&parameters)?;
        let asked = Asked {
            route,
            parameters: &parameters,
            target: target.as_ref(),
            options: &options,
            scene: Scene {
                viewer: Arc::clone(viewer),
                base: Arc::clone(&request.base),
                now: self.clock.now(),
                links: Arc::clone(&self.links),
                limits: self.limits,
            },
        };
        let answer = match operation.action {
            Action::Get => self.get(&asked).await?,
            Action::List(listing) => self.list(&asked, listing).await?,
            Action::ListOneOf(choose) => self.list(&asked, choose(&parameters)?).await?,
            Action::Find(listing) => self.find(&asked, listing).await?,
            Action::Write(rule) => self.write(&asked, rule, body, digest).await?,
            Action::Missing => None,
        };
        Ok(answer.map(|response| if options.pretty { response.indented() } else { response }))
    }

    async fn fresh_viewer(&self, digest: &Digest) -> Result<Arc<Viewer>> {
        let mut read = self.db.begin_read().await?;
        let viewer = self.viewers.load(&mut read, digest, self.clock.now()).await?;
        read.finish().await;
        viewer.ok_or_else(Error::not_authorized)
    }

    fn plan(
        &self,
        number: (usize, usize),
        fields: Option<&str>,
        selection: impl FnOnce() -> (Plan, bool),
    ) -> Arc<Plan> {
        let key = (number, fields.unwrap_or("\0").to_owned());
        if let Some(known) = self.plans.read().ok().and_then(|plans| plans.get(&key).cloned()) {
            return known;
        }
        let (plan, keep) = selection();
        let plan = Arc::new(plan);
        if let (true, Ok(mut plans)) = (keep, self.plans.write()) {
            if plans.len() >= MOST_PLANS {
                plans.clear();
            }
            plans.insert(key, Arc::clone(&plan));
        }
        plan
    }

    /// What an answer of the route shows: a single object is full, a list compact, unless `opt_fields` chooses.
    fn shown(&self, route: &Route, resource: &'static Resource, fields: Option<&str>, single: bool) -> Arc<Plan> {
        // One operation may show several kinds of objects.
        let kind = std::ptr::from_ref(resource) as usize;
        self.plan((route.number, kind), fields, || {
            let selection = match (fields, route.operation.shown) {
                (Some(fields), _) => Selection::of(resource, fields),
                (None, "") if single => Selection::full(resource),
                (None, "") => Selection::compact(resource),
                (None, shown) => Selection::of(resource, shown),
            };
            let guarded = matches!(route.operation.action, Action::Get);
            let plan = Plan::new(resource, &selection, guarded, single);
            let keep = plan.places <= LARGEST_KEPT_PLAN;
            (plan, keep)
        })
    }

    async fn get(&self, asked: &Asked<'_>) -> Result<Option<Response>> {
        let Some((target, name)) = asked.target else {
            return Err(Error::server());
        };
        let resource = target.resource;
        // Another face of the object: its task counts.
        let face = asked.route.operation.answers.unwrap_or(resource);
        let plan = self.shown(asked.route, face, asked.options.fields.as_deref(), true);
        let mut read = self.db.begin_read().await?;
        let gid = name.gid(&mut read, &asked.scene.viewer).await?;
        let Some(gid) = gid else {
            read.finish().await;
            return Err(not_recognized(target, asked.parameters));
        };
        let (loaded, epochs) = load(&plan, &mut read, &asked.scene, &[gid], &self.kept, None).await?;
        if epochs.access != asked.scene.viewer.epoch {
            read.finish().await;
            return Ok(None);
        }
        if !loaded.has(&plan, gid) {
            let refusal = path_refusal(resource, &asked.scene.viewer, gid, &read.one(object_query(gid)).await?);
            read.finish().await;
            return Err(refusal);
        }
        read.finish().await;
        Ok(Some(asked.answer(&plan, &loaded, gid)))
    }

    async fn list(&self, asked: &Asked<'_>, listing: &'static Listing) -> Result<Option<Response>> {
        let limit = self.limit(asked.parameters)?;
        let mut refused: Option<Error> = None;
        for listing in std::iter::successors(Some(listing), |listing| listing.otherwise) {
            match self.page(asked, listing, limit).await {
                Ok(Some(paged)) => return self.write_page(asked, paged, limit).await.map(Some),
                Ok(None) => return Ok(None),
                // What is there and not the caller's is more than what is not there.
                Err(error) => match &refused {
                    Some(known) if known.status == 403 || error.status != 403 => {}
                    _ => refused = Some(error),
                },
            }
        }
        Err(refused.unwrap_or_else(Error::server))
    }

    /// The object that the listing's parents name together.
    async fn find(&self, asked: &Asked<'_>, listing: &'static Listing) -> Result<Option<Response>> {
        let Some(Paged { mut read, page, resource, epochs, .. }) = self.page(asked, listing, Some(1)).await? else {
            return Ok(None);
        };
        let Some(gid) = page.gids.first().copied() else {
            read.finish().await;
            let filter =
                asked.parameters.path.iter().find(|(name, _)| listing.filters.iter().any(|f| f.parameter == *name));
            if let Some((_, text)) = filter {
                return Err(Error::not_recognized(resource.kind, shortened(text)));
            }
            let in_path =
                listing.parents.iter().rfind(|parent| asked.parameters.query_value(parent.parameter).is_none());
            let Some(parent) = in_path else {
                return Err(Error::server());
            };
            let text = asked.parameters.get(parent.parameter).unwrap_or_default();
            return Err(Error::not_recognized(parent.resource.kind, shortened(text)));
        };
        let plan = self.shown(asked.route, resource, asked.options.fields.as_deref(), true);
        let (loaded, _) = load(&plan, &mut read, &asked.scene, &[gid], &self.kept, Some(epochs)).await?;
        read.finish().await;
        Ok(Some(asked.answer(&plan, &loaded, gid)))
    }

    /// The page that a request asks for; `None` when the viewer is out of date.
    async fn page(&self, asked: &Asked<'_>, listing: &'static Listing, limit: Option<usize>) -> Result<Option<Paged>> {
        let Some(resource) = listing.shows.or(asked.route.operation.answers).or(asked.route.resource) else {
            return Err(Error::server());
        };
        let viewer = &asked.scene.viewer;
        let most = listing.unpaged.unwrap_or(self.limits.unpaginated);
        let mut read = self.db.begin_read().await?;
        let mut parents = Vec::new();
        let mut beside = vec![Epochs::query()];
        let mut checked = Vec::new();
        for parent in listing.parents {
            let text = asked.parameters.get(parent.parameter).ok_or_else(|| Error::missing(parent.parameter))?;
            let in_path = asked.parameters.path.iter().any(|(name, _)| *name == parent.parameter);
            let name = Name::parse(parent.resource.names, text);
            let refused = || match in_path {
                true => Error::not_recognized(parent.resource.kind, shortened(text)),
                false => Error::unknown_object(parent.parameter, shortened(text)),
            };
            let Some(name) = name else {
                return Err(match in_path {
                    true => Error::not_recognized(parent.resource.kind, shortened(text)),
                    false => Error::field(parent.parameter, format_args!("Not a Long: {}", shortened(text))),
                });
            };
            let gid = name.gid(&mut read, viewer).await?.ok_or_else(refused)?;
            let bound = parent.parameter.strip_suffix("_gid").unwrap_or(parent.parameter);
            parents.push((bound, gid.into()));
            if name != Name::Me {
                beside.push(self.shared.levels(parent.resource).query(viewer, &[gid]));
                checked.push((parent, gid, in_path));
            }
        }
        let mut filters = Vec::new();
        for (at, filter) in listing.filters.iter().enumerate() {
            if let Some(value) = asked.parameters.get(filter.parameter) {
                filters.push((at, filter_value(filter.kind, filter.parameter, value, asked.scene.now)?));
            }
        }
        let mut list = Listed {
            listing,
            resource,
            viewer,
            now: asked.scene.now,
            parents,
            filters,
            after: None,
            limit: limit.unwrap_or(most),
        };
        let scope = scope(asked.route.operation.id, &list);
        if let Some(offset) = asked.parameters.query_value("offset").filter(|offset| !offset.is_empty()) {
            list.after = Some(self.tokens.read(offset, &scope, listing.order, asked.scene.now)?);
        }
        let (page, answers) = self.listings.page(&mut read, &list, beside).await?;
        let epochs = Epochs::of(&answers[0]);
        if epochs.access != viewer.epoch {
            read.finish().await;
            return Ok(None);
        }
        for ((parent, gid, in_path), answer) in checked.iter().zip(&answers[1..]) {
            if Levels::level(answer, *gid).is_none() {
                let object = read.one(object_query(*gid)).await?;
                read.finish().await;
                return Err(match in_path {
                    true => path_refusal(parent.resource, viewer, *gid, &object),
                    false => field_refusal(parent.resource, viewer, parent.parameter, *gid, &object),
                });
            }
        }
        Ok(Some(Paged { read, page, scope, resource, epochs }))
    }

    async fn write_page(&self, asked: &Asked<'_>, paged: Paged, limit: Option<usize>) -> Result<Response> {
        let Paged { mut read, page, scope, resource, epochs } = paged;
        if limit.is_none() && page.next.is_some() {
            read.finish().await;
            return Err(Error::bad(
                "The result is too large. You should use pagination (may require specifying a workspace)!",
            ));
        }
        let plan = self.shown(asked.route, resource, asked.options.fields.as_deref(), false);
        let mut body = plan.body();
        body.extend_from_slice(b"{\"data\":");
        if page.gids.is_empty() {
            read.finish().await;
            body.extend_from_slice(b"[]");
        } else {
            let (loaded, _) = load(&plan, &mut read, &asked.scene, &page.gids, &self.kept, Some(epochs)).await?;
            read.finish().await;
            loaded.write_list(&plan, &asked.scene, &page.gids, &mut body);
        }
        if limit.is_some() {
            body.extend_from_slice(b",\"next_page\":");
            match &page.next {
                Some(position) => {
                    let offset = self.tokens.issue(position, &scope, asked.scene.now);
                    write_next_page(asked, &offset, &mut body);
                }
                None => body.extend_from_slice(b"null"),
            }
        }
        body.push(b'}');
        plan.remember(&body);
        Ok(Response { status: 200, body, ..Response::default() })
    }

    fn limit(&self, parameters: &Parameters<'_>) -> Result<Option<usize>> {
        let Some(text) = parameters.query_value("limit") else {
            return Ok(None);
        };
        match text.parse::<usize>() {
            Ok(limit) if (1..=self.limits.page).contains(&limit) => Ok(Some(limit)),
            Ok(_) => Err(Error::field("limit", format_args!("Value must be between 1 and {}", self.limits.page))),
            Err(_) => Err(Error::field("limit", format_args!("Not an Integer: {}", shortened(text)))),
        }
    }

    async fn write(
        &self,
        asked: &Asked<'_>,
        rule: Rule,
        body: crate::body::Body,
        digest: &Digest,
    ) -> Result<Option<Response>> {
        let operation = asked.route.operation;
        let viewer = Arc::clone(&asked.scene.viewer);
        let shared = Arc::clone(&self.shared);
        let ready = Ready::new(operation, rule, asked.target, asked.parameters);
        let now = asked.scene.now;
        let applied = self
            .db
            .write(move |write| -> Result<Applied> {
                Call::run(write, &viewer, &shared, now, |call| {
                    call.body = body;
                    let outcome = ready.run(call, Some(viewer.epoch))?;
                    Ok(Applied { outcome, enqueued: call.enqueued })
                })
            })
            .await?;
        if applied.enqueued {
            self.enqueued.notify_one();
        }
        match applied.outcome {
            None => Ok(None),
            Some(Outcome::Empty) => Ok(Some(Response::empty())),
            Some(Outcome::Object(gid)) => self.written(asked, gid, digest).await.map(Some),
        }
    }

    /// The answer to a write: the object as it is after the commit.
    async fn written(&self, asked: &Asked<'_>, gid: i64, digest: &Digest) -> Result<Response> {
        let operation = asked.route.operation;
        let Some(resource) = operation.answers.or(asked.route.resource) else {
            return Err(Error::server());
        };
        let plan = self.shown(asked.route, resource, asked.options.fields.as_deref(), true);
        let mut scene = asked.scene.clone();
        let mut read = self.db.begin_read().await?;
        let (mut loaded, epochs) = load(&plan, &mut read, &scene, &[gid], &self.kept, None).await?;
        if epochs.access != scene.viewer.epoch {
            // The write changed what the caller may see. A caller who has lost everything still gets the answer.
            scene.viewer = match self.viewers.load(&mut read, digest, self.clock.now()).await? {
                Some(viewer) => viewer,
                None => Arc::new(access::viewer(&mut read, scene.viewer.user, epochs.access).await?),
            };
            loaded = load(&plan, &mut read, &scene, &[gid], &self.kept, Some(epochs)).await?.0;
        }
        read.finish().await;
        let mut body = plan.body();
        body.extend_from_slice(b"{\"data\":");
        if loaded.has(&plan, gid) {
            loaded.write_one(&plan, &scene, gid, &mut body);
        } else {
            // Somebody has deleted it since. It was written all the same, under this gid.
            let record = serde_json::json!({ "gid": gid.to_string(), "resource_type": resource.kind });
            body.extend_from_slice(record.to_string().as_bytes());
        }
        body.push(b'}');
        let location = (operation.status == 201)
            .then(|| self.path_of(resource))
            .flatten()
            .map(|path| format!("{PREFIX}{path}/{gid}"));
        Ok(Response { status: operation.status, body, location, retry_after: None })
    }

    /// Where objects of a resource are read: `/tasks`.
    fn path_of(&self, resource: &'static Resource) -> Option<&'static str> {
        self.routes.all().iter().find_map(|route| {
            let target = route.target?;
            let get = matches!(route.operation.action, Action::Get) && target.resource == resource;
            let path = route.operation.path.strip_suffix(target.parameter.len().checked_add(3).map(|_| "}")?)?;
            let path = path.strip_suffix(target.parameter)?.strip_suffix("/{")?;
            (get && !path.contains('{')).then_some(path)
        })
    }

    /// Runs a query outside of any operation, for commands and tests.
    pub async fn read(&self) -> Result<Read> {
        Ok(self.db.begin_read().await?)
    }
}

/// A page that has been found and not been loaded yet.
struct Paged {
    read: Read,
    page: Page,
    /// What an offset is bound to.
    scope: String,
    resource: &'static Resource,
    /// What the transaction sees.
    epochs: Epochs,
}

/// A request whose operation, caller and parameters are known.
struct Asked<'a> {
    route: &'a Route,
    parameters: &'a Parameters<'a>,
    target: Option<&'a (Target, Name)>,
    options: &'a Options,
    scene: Scene,
}

impl Asked<'_> {
    /// The answer that shows an object.
    fn answer(&self, plan: &Plan, loaded: &Loaded, gid: i64) -> Response {
        let mut body = plan.body();
        body.extend_from_slice(b"{\"data\":");
        loaded.write_one(plan, &self.scene, gid, &mut body);
        body.push(b'}');
        plan.remember(&body);
        Response { status: self.route.operation.status, body, ..Response::default() }
    }
}

pub(crate) fn target_name(target: &Target, parameters: &Parameters<'_>) -> Result<(Target, Name)> {
    let text = parameters.get(target.parameter).unwrap_or_default();
    match Name::parse(target.resource.names, text) {
        Some(name) => Ok((*target, name)),
        None if target.resource.names == Names::User => {
            Err(Error::field(target.resource.kind, format_args!("Not a recognized ID: {}", shortened(text))))
        }
        None => Err(Error::field(target.resource.kind, format_args!("Not a Long: {}", shortened(text)))),
    }
}

/// Tells a rule what the path names beside the object that it is about.
fn name_in_path(route: &Route, path: &[(&'static str, String)], body: &mut crate::body::Body) -> Result<()> {
    for (parameter, text) in path.iter().filter(|(parameter, _)| *parameter != route.about()) {
        let Some(kind) = parameter.strip_suffix("_gid") else {
            continue;
        };
        let gid = model::gid::parse(text);
        let gid = gid.ok_or_else(|| Error::field(kind, format_args!("Not a Long: {}", shortened(text))))?;
        body.name_in_path(parameter, gid);
    }
    Ok(())
}

pub(crate) fn not_recognized(target: &Target, parameters: &Parameters<'_>) -> Error {
    Error::not_recognized(target.resource.kind, shortened(parameters.get(target.parameter).unwrap_or_default()))
}

/// `next_page`: the same request with another offset, its parameters in their order.
fn write_next_page(asked: &Asked<'_>, offset: &str, out: &mut Vec<u8>) {
    let operation = asked.route.operation;
    // By an older path the caller goes on by it: it says what the usual one would have in the query.
    let told = |pattern: &&str| asked.parameters.path.iter().all(|(name, _)| pattern.contains(&format!("{{{name}}}")));
    let pattern = std::iter::once(operation.path).chain(operation.older.iter().copied()).find(told);
    let mut path = pattern.unwrap_or(operation.path).to_owned();
    for (name, value) in &asked.parameters.path {
        path = path.replace(&format!("{{{name}}}"), value);
    }
    let kept = asked.parameters.raw.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !pair.is_empty() && name != "offset"
    });
    let query: Vec<&str> = kept.collect();
    let path = format!("{path}?{}{}offset={offset}", query.join("&"), if query.is_empty() { "" } else { "&" });
    let mut writer = crate::json::Writer::new(out);
    writer.raw(b"{\"offset\":");
    writer.text(offset);
    writer.raw(b",\"path\":");
    writer.text(&path);
    writer.raw(b",\"uri\":");
    writer.parts(&[&asked.scene.base, operation.prefix(), &path]);
    writer.raw(b"}");
}
