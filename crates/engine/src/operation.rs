//! The operations of a resource, as data: reads are listings, writes are functions.

use model::Level;

use crate::api::PREFIX;
use crate::call::Call;
use crate::error::Result;
use crate::input::{Input, InputKind};
use crate::parameter::Parameters;
use crate::resource::Resource;

/// An HTTP method of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates and acts.
    Post,
    /// Updates.
    Put,
    /// Deletes.
    Delete,
}

impl Method {
    /// The method of this name, in capitals.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "GET" | "HEAD" => Method::Get,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            _ => return None,
        })
    }

    /// Its name, in capitals.
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

/// One part of an order: an expression over a listing's FROM clause.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The expression; never NULL.
    pub expression: &'static str,
    /// Whether it is text (a rank, a folded name) or a number.
    pub text: bool,
}

/// A key that is a rank or a folded name.
pub const fn by_text(expression: &'static str) -> Key {
    Key { expression, text: true }
}

/// A key that is a gid or a time.
pub const fn by_number(expression: &'static str) -> Key {
    Key { expression, text: false }
}

/// An object that a listing starts from. It is bound in the listing's SQL under the parameter's name without `_gid`.
#[derive(Clone, Copy, Debug)]
pub struct Parent {
    /// The path or query parameter: `project_gid`, `project`.
    pub parameter: &'static str,
    /// Its resource.
    pub resource: &'static Resource,
}

/// A condition that a query parameter adds.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    /// The query parameter, or one of the path that names no object.
    pub parameter: &'static str,
    /// Its form.
    pub kind: FilterKind,
    /// The condition; the value is bound as `:value`.
    pub condition: &'static str,
}

/// The form of a filter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterKind {
    /// `true` or `false`, in any case.
    Bool,
    /// A moment; `now` is understood.
    Time,
    /// A gid.
    Gid,
    /// Text, compared as it is.
    Text,
}

/// An order over two tables that is walked part by part: the rows of one outer row after another.
#[derive(Clone, Copy, Debug)]
pub struct Nested {
    /// The outer table, as `o`, in the order of (rank, gid).
    pub table: &'static str,
    /// Which outer rows.
    pub filter: &'static str,
    /// The condition that ties the listing's rows to the outer row's gid, bound as `:part`.
    pub tie: &'static str,
    /// A condition over `o` that it has any row, so that empty ones cost nothing.
    pub filled: &'static str,
}

/// A list of objects: which, and in which order.
#[derive(Clone, Copy, Debug)]
pub struct Listing {
    /// The FROM clause.
    pub from: &'static str,
    /// The expression that gives an object's gid.
    pub gid: &'static str,
    /// The WHERE condition.
    pub filter: &'static str,
    /// The order; unique as a whole, no part nullable.
    pub order: &'static [Key],
    /// The outer order, when rows come part by part.
    pub nested: Option<Nested>,
    /// What the list starts from: has to be visible.
    pub parents: &'static [Parent],
    /// Whether seeing the parents means seeing every row; if not, each row is judged.
    pub covered: bool,
    /// Conditions that parameters add.
    pub filters: &'static [Filter],
    /// Some lists are short by nature and never paged by default: users, teams. At most this many without `limit`.
    pub unpaged: Option<usize>,
    /// The list to try when a parent is not to be seen: what starts from an object of another kind.
    pub otherwise: Option<&'static Listing>,
    /// What it holds when that is not what the operation answers with.
    pub shows: Option<&'static Resource>,
}

impl Listing {
    /// Rows of a resource's own table `t`.
    pub const fn of(from: &'static str, gid: &'static str, filter: &'static str, order: &'static [Key]) -> Self {
        Listing {
            from,
            gid,
            filter,
            order,
            nested: None,
            parents: &[],
            covered: false,
            filters: &[],
            unpaged: None,
            otherwise: None,
            shows: None,
        }
    }

    /// It starts from this object.
    pub const fn within(mut self, parents: &'static [Parent]) -> Self {
        self.parents = parents;
        self
    }

    /// Who sees the parents sees every row.
    pub const fn covered(mut self) -> Self {
        self.covered = true;
        self
    }

    /// Conditions that parameters add.
    pub const fn filtered(mut self, filters: &'static [Filter]) -> Self {
        self.filters = filters;
        self
    }

    /// Rows come part by part.
    pub const fn nested(mut self, nested: Nested) -> Self {
        self.nested = Some(nested);
        self
    }

    /// The list to try when a parent is not to be seen.
    pub const fn otherwise(mut self, listing: &'static Listing) -> Self {
        self.otherwise = Some(listing);
        self
    }

    /// It holds objects of another resource than its operation says.
    pub const fn shows(mut self, resource: &'static Resource) -> Self {
        self.shows = Some(resource);
        self
    }
}

/// An object named by a parameter.
pub const fn parent(parameter: &'static str, resource: &'static Resource) -> Parent {
    Parent { parameter, resource }
}

/// A condition that a query parameter adds.
pub const fn filter(parameter: &'static str, kind: FilterKind, condition: &'static str) -> Filter {
    Filter { parameter, kind, condition }
}

/// What an operation's answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The object of the operation's resource with this gid.
    Object(i64),
    /// Nothing: `{"data":{}}`.
    Empty,
}

/// A business rule: runs inside the write transaction, sees a body whose references exist and are visible.
pub type Rule = fn(&mut Call<'_>) -> Result<Outcome>;

/// Chooses a listing by the parameters that are there.
pub type Choose = fn(&Parameters<'_>) -> Result<&'static Listing>;

/// What an operation does.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// Reads the object in the path.
    Get,
    /// Reads a list.
    List(&'static Listing),
    /// Reads one of several lists.
    ListOneOf(Choose),
    /// Reads the one object that a list holds.
    Find(&'static Listing),
    /// Writes.
    Write(Rule),
    /// In the contract, but not here yet.
    Missing,
}

/// Which of the resource's fields a body may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFields {
    /// None: only the operation's own inputs.
    None,
    /// Those that are writable on creation.
    Create,
    /// Those that are writable later.
    Update,
}

/// One operation of the contract.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// The contract's name.
    pub id: &'static str,
    /// The method.
    pub method: Method,
    /// The path below `/api/1.0`; that of this server's own operations, which the contract does not have, begins with
    /// [`OWN`] and lies below nothing.
    pub path: &'static str,
    /// What it does.
    pub action: Action,
    /// What the caller must be allowed on the object in the path.
    pub level: Level,
    /// Which fields the body may carry.
    pub fields: BodyFields,
    /// What else the body may carry.
    pub inputs: &'static [Input],
    /// Query parameters beside paging, options and those of the listing.
    pub parameters: &'static [&'static str],
    /// The resource that the answer shows when it is not the one whose table this stands in.
    pub answers: Option<&'static Resource>,
    /// Whether it answers with nothing: `{"data":{}}`.
    pub empty: bool,
    /// The status of success.
    pub status: u16,
    /// What a single object is shown as when `opt_fields` is absent; full when empty.
    pub shown: &'static str,
    /// Other paths that clients still use for it.
    pub older: &'static [&'static str],
    /// What the object in the path is when its parameter's name does not say it.
    pub target: Option<&'static Resource>,
    /// What is held, together with others, before anything is looked at: see [`Operation::sharing`].
    pub shares: &'static [&'static str],
}

const fn operation(id: &'static str, method: Method, path: &'static str, action: Action) -> Operation {
    Operation {
        id,
        method,
        path,
        action,
        level: Level::Viewer,
        fields: BodyFields::None,
        inputs: &[],
        parameters: &[],
        answers: None,
        empty: false,
        status: 200,
        shown: "",
        older: &[],
        target: None,
        shares: &[],
    }
}

/// Reads the object in the path.
pub const fn get(id: &'static str, path: &'static str) -> Operation {
    operation(id, Method::Get, path, Action::Get)
}

/// Reads a list.
pub const fn list(id: &'static str, path: &'static str, listing: &'static Listing) -> Operation {
    operation(id, Method::Get, path, Action::List(listing))
}

/// Reads the list that the parameters choose.
pub const fn list_one_of(
    id: &'static str,
    path: &'static str,
    parameters: &'static [&'static str],
    choose: Choose,
) -> Operation {
    Operation { parameters, ..operation(id, Method::Get, path, Action::ListOneOf(choose)) }
}

/// Reads the object that several parameters name together: the only one of a list. When the list is empty, the filter in
/// the path has found nothing; without one, the last object in the path is not what it has to be.
pub const fn find(id: &'static str, path: &'static str, listing: &'static Listing) -> Operation {
    operation(id, Method::Get, path, Action::Find(listing))
}

/// Creates an object. `level` is what the caller needs on the object in the path, if there is one.
pub const fn create(id: &'static str, path: &'static str, level: Level, rule: Rule) -> Operation {
    Operation {
        fields: BodyFields::Create,
        level,
        status: 201,
        ..operation(id, Method::Post, path, Action::Write(rule))
    }
}

/// Changes the object in the path.
pub const fn update(id: &'static str, path: &'static str, level: Level, rule: Rule) -> Operation {
    Operation { fields: BodyFields::Update, level, ..operation(id, Method::Put, path, Action::Write(rule)) }
}

/// Deletes the object in the path.
pub const fn delete(id: &'static str, path: &'static str, level: Level, rule: Rule) -> Operation {
    Operation { level, empty: true, ..operation(id, Method::Delete, path, Action::Write(rule)) }
}

/// Does something to the object in the path.
pub const fn action(
    id: &'static str,
    path: &'static str,
    level: Level,
    inputs: &'static [Input],
    rule: Rule,
) -> Operation {
    Operation { level, inputs, ..operation(id, Method::Post, path, Action::Write(rule)) }
}

/// An operation of the contract that answers 501 until it is built.
pub const fn missing(id: &'static str, method: Method, path: &'static str) -> Operation {
    Operation { status: 501, ..operation(id, method, path, Action::Missing) }
}

/// Where this server's own operations are.
pub const OWN: &str = "/-/v1";

impl Operation {
    /// Whether it is this server's own, and none of the contract.
    pub fn is_own(&self) -> bool {
        self.path.starts_with(OWN)
    }

    /// What stands before its path in an address.
    pub fn prefix(&self) -> &'static str {
        if self.is_own() { "" } else { PREFIX }
    }

    /// The body may also carry these.
    pub const fn with(mut self, inputs: &'static [Input]) -> Self {
        self.inputs = inputs;
        self
    }

    /// The answer shows an object of another resource.
    pub const fn answers(mut self, resource: &'static Resource) -> Self {
        self.answers = Some(resource);
        self
    }

    /// It answers with nothing.
    pub const fn empty(mut self) -> Self {
        self.empty = true;
        self
    }

    /// It answers with this status.
    pub const fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// It knows these query parameters too.
    pub const fn parameters(mut self, parameters: &'static [&'static str]) -> Self {
        self.parameters = parameters;
        self
    }

    /// What is shown without `opt_fields`: an `opt_fields` text, or `-` for nothing but what is asked for.
    pub const fn shown(mut self, opt_fields: &'static str) -> Self {
        self.shown = opt_fields;
        self
    }

    /// It is reached by these paths too.
    pub const fn older(mut self, paths: &'static [&'static str]) -> Self {
        self.older = paths;
        self
    }

    /// The object in the path is one of these.
    pub const fn on(mut self, resource: &'static Resource) -> Self {
        self.target = Some(resource);
        self
    }

    /// Its rule shares what these properties name (`projects`, `memberships.project`), in this order, and the object in
    /// the path first if the path's parameter is among them. To share it all before anything is looked at spares looking
    /// again after each; what is not told here a rule shares by [`Call::share_all`] all the same.
    pub const fn sharing(mut self, properties: &'static [&'static str]) -> Self {
        self.shares = properties;
        self
    }

    /// The property that is a file, if one is.
    pub fn upload(&self) -> Option<&'static Input> {
        self.inputs.iter().find(|input| matches!(input.kind, InputKind::Upload))
    }

    /// The listings that it may read, whatever the parameters choose.
    pub fn listings(&self) -> Vec<&'static Listing> {
        let chosen = self.chosen_listings().into_iter();
        chosen.flat_map(|listing| std::iter::successors(Some(listing), |listing| listing.otherwise)).collect()
    }

    fn chosen_listings(&self) -> Vec<&'static Listing> {
        match self.action {
            Action::List(listing) | Action::Find(listing) => vec![listing],
            Action::ListOneOf(choose) => {
                let mut found: Vec<&'static Listing> = Vec::new();
                for set in 0..1_usize << self.parameters.len().min(MOST_CHOICES) {
                    let named = self.parameters.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
                    let query = named.map(|(_, name)| ((*name).to_owned(), "0".to_owned())).collect();
                    let chosen = choose(&Parameters { query, ..Parameters::default() });
                    if let Some(listing) =
                        chosen.ok().filter(|listing| !found.iter().any(|known| std::ptr::eq(*known, *listing)))
                    {
                        found.push(listing);
                    }
                }
                found
            }
            _ => Vec::new(),
        }
    }

    /// The query parameters that it knows, beside `opt_fields` and `opt_pretty`, with the form of their values.
    pub fn query(&self) -> Vec<(&'static str, QueryKind)> {
        let listings = self.listings();
        let mut known: Vec<(&'static str, QueryKind)> = Vec::new();
        let mut add = |name: &'static str, kind: QueryKind| match known.iter_mut().find(|(other, _)| *other == name) {
            Some((_, other)) if *other == QueryKind::Any => *other = kind,
            Some(_) => {}
            None => known.push((name, kind)),
        };
        for &name in self.parameters {
            add(name, QueryKind::Any);
        }
        for listing in &listings {
            for parent in
                listing.parents.iter().filter(|parent| !self.path.contains(&format!("{{{}}}", parent.parameter)))
            {
                add(parent.parameter, QueryKind::Object(parent.resource));
            }
            for filter in
                listing.filters.iter().filter(|filter| !self.path.contains(&format!("{{{}}}", filter.parameter)))
            {
                add(filter.parameter, QueryKind::Filter(filter.kind));
            }
        }
        if matches!(self.action, Action::List(_) | Action::ListOneOf(_)) {
            add("limit", QueryKind::Limit);
            add("offset", QueryKind::Offset);
        }
        known
    }
}

/// Parameters between which a listing may be chosen: every combination is tried where all listings are wanted.
const MOST_CHOICES: usize = 10;

/// The form of a query parameter's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum QueryKind {
    /// What the operation makes of it.
    Any,
    /// The gid of an object.
    Object(&'static Resource),
    /// A filter's value.
    Filter(FilterKind),
    /// How many objects a page has.
    Limit,
    /// Where a page begins.
    Offset,
}
