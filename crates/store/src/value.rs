//! The five kinds of value that both engines store the same way.

/// How a result column is read. SQLite has no type for a truth value, so the reader has to say what it expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// A signed 64-bit number: gids, counts, times in milliseconds since 1970.
    Int,
    /// UTF-8 text: names, dates as ISO text, JSON.
    Text,
    /// A truth value.
    Bool,
    /// A 64-bit floating point number.
    Real,
    /// Raw bytes: digests and keys.
    Bytes,
}

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    /// SQL's NULL.
    #[default]
    Null,
    /// A number; also a gid or a time.
    Int(i64),
    /// Text.
    Text(Box<str>),
    /// A truth value.
    Bool(bool),
    /// A floating point number.
    Real(f64),
    /// Raw bytes.
    Bytes(Box<[u8]>),
}

impl Value {
    /// Its type; none for NULL.
    pub fn value_type(&self) -> Option<Type> {
        Some(match self {
            Value::Null => return None,
            Value::Int(_) => Type::Int,
            Value::Text(_) => Type::Text,
            Value::Bool(_) => Type::Bool,
            Value::Real(_) => Type::Real,
            Value::Bytes(_) => Type::Bytes,
        })
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value::Real(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::Text(value.into_boxed_str())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Value::Bytes(value.into())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}
