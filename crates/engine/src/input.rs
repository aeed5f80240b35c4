//! What a body may carry, as data.

use crate::resource::Resource;

/// The form of one property of a body.
#[derive(Clone, Copy, Debug)]
pub enum InputKind {
    /// Text of at most this many characters.
    Text(usize),
    /// A truth value.
    Bool,
    /// A whole number in this range.
    Int(i64, i64),
    /// A number.
    Real,
    /// A moment.
    Time,
    /// A calendar date.
    Date,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The gid of an object.
    Gid(&'static Resource),
    /// The gid of an object, or the properties of one that is to be made.
    GidOrNew(&'static Resource, &'static [Input]),
    /// A list of gids.
    Gids(&'static Resource),
    /// A JSON object of these properties.
    Object(&'static [Input]),
    /// A list of JSON objects of these properties.
    Objects(&'static [Input]),
    /// Any JSON object; a rule reads it.
    Json,
    /// A file. The server has stored it before the rule runs; no body of JSON can bring one.
    Upload,
}

/// One property of a body that is not a field of its resource, or differs from it.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// The API's name.
    pub name: &'static str,
    /// Its form.
    pub kind: InputKind,
    /// Whether it has to be there.
    pub required: bool,
    /// Whether it may be `null`.
    pub nullable: bool,
}

/// An optional property.
pub const fn input(name: &'static str, kind: InputKind) -> Input {
    Input { name, kind, required: false, nullable: false }
}

impl Input {
    /// It has to be there.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// It may be `null`.
    pub const fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }
}
