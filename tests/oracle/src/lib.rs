//! The access oracle: a second opinion on who may see and do what.
//!
//! It is written from `docs/access.md` and from nothing else. It depends on no crate of ours and knows no SQL: a world is
//! a few maps ([`Model`]), what happens to it a list of [`Step`]s, and whether somebody sees something is worked out anew,
//! slowly, each time that it is asked. The suite beside it lets the same steps happen through the API and compares.

mod history;
mod level;
mod model;
mod object;
mod rule;
mod step;

pub use history::history;
pub use level::Level;
pub use model::{Field, Member, Model, PEOPLE, Person, Project, Role, Task, Team, WORKSPACES};
pub use object::{Object, names_in};
pub use step::{Action, FieldPrivacy, Privacy, Step, Verdict, Visibility};
