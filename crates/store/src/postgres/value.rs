//! Values as the server sends and takes them, in its binary format.

use bytes::{BufMut, BytesMut};
use postgres_protocol::IsNull;
use tokio_postgres::types::Type as ServerType;

use crate::block::Cell;
use crate::value::{Type, Value};

type BoxedError = Box<dyn std::error::Error + Sync + Send>;

/// Appends a value as a parameter of whatever type the server has inferred.
pub(super) fn put(value: &Value, wanted: &ServerType, out: &mut BytesMut) -> Result<IsNull, BoxedError> {
    match value {
        Value::Null => return Ok(IsNull::Yes),
        Value::Int(value) => put_int(*value, wanted, out)?,
        Value::Bool(value) => put_int(i64::from(*value), wanted, out)?,
        Value::Real(value) => match *wanted {
            ServerType::FLOAT8 => out.put_f64(*value),
            ServerType::FLOAT4 => out.put_f32(*value as f32),
            _ => return Err(mismatch("a floating point number", wanted)),
        },
        Value::Text(value) => match *wanted {
            ServerType::BYTEA | ServerType::INT8 | ServerType::INT4 | ServerType::BOOL | ServerType::FLOAT8 => {
                return Err(mismatch("text", wanted));
            }
            _ => out.put_slice(value.as_bytes()),
        },
        Value::Bytes(value) => match *wanted {
            ServerType::BYTEA => out.put_slice(value),
            _ => return Err(mismatch("bytes", wanted)),
        },
    }
    Ok(IsNull::No)
}

/// Appends a row as a copy in the server's binary format takes it.
pub(super) fn put_row(row: &[Value], types: &[ServerType], out: &mut BytesMut) -> Result<(), BoxedError> {
    out.put_i16(row.len().try_into()?);
    for (value, kind) in row.iter().zip(types) {
        let start = out.len();
        out.put_i32(-1);
        if let IsNull::No = put(value, kind, out)? {
            let length = i32::try_from(out.len() - start - 4)?;
            out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        }
    }
    Ok(())
}

/// What such a copy begins with: a signature, flags, the length of an extension.
pub(super) const COPY_HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
pub(super) const COPY_END: &[u8] = &[0xff; 2];

fn put_int(value: i64, wanted: &ServerType, out: &mut BytesMut) -> Result<(), BoxedError> {
    match *wanted {
        ServerType::INT8 => out.put_i64(value),
        ServerType::INT4 => out.put_i32(value.try_into()?),
        ServerType::INT2 => out.put_i16(value.try_into()?),
        ServerType::BOOL => out.put_u8(u8::from(value != 0)),
        ServerType::FLOAT8 => out.put_f64(value as f64),
        ServerType::FLOAT4 => out.put_f32(value as f32),
        ServerType::NUMERIC => put_numeric(value, out),
        ServerType::TEXT | ServerType::VARCHAR => out.put_slice(value.to_string().as_bytes()),
        _ => return Err(mismatch("a number", wanted)),
    }
    Ok(())
}

fn mismatch(given: &str, wanted: &ServerType) -> BoxedError {
    format!("{given} for a parameter of type {wanted}").into()
}

/// A cell as the server sent it.
pub(super) struct Raw<'a> {
    pub kind: &'a ServerType,
    pub bytes: Option<&'a [u8]>,
}

/// A number in a cell, before it is known what it counts as.
enum Number {
    Int(i64),
    Real(f64),
}

impl<'a> Raw<'a> {
    /// The cell, read as the type that the statement declares; None if it cannot be.
    pub fn cell(&self, expected: Type) -> Option<Cell<'a>> {
        let Some(bytes) = self.bytes else { return Some(Cell::Null) };
        Some(match expected {
            Type::Text => Cell::Text(self.text(bytes)?),
            Type::Bytes if *self.kind == ServerType::BYTEA => Cell::Bytes(bytes),
            Type::Bytes => return None,
            Type::Int => match self.number(bytes)? {
                Number::Int(value) => Cell::Int(value),
                Number::Real(_) => return None,
            },
            Type::Bool => match self.number(bytes)? {
                Number::Int(value) => Cell::Bool(value != 0),
                Number::Real(_) => return None,
            },
            Type::Real => match self.number(bytes)? {
                Number::Int(value) => Cell::Real(value as f64),
                Number::Real(value) => Cell::Real(value),
            },
        })
    }

    fn text(&self, bytes: &'a [u8]) -> Option<&'a str> {
        match *self.kind {
            ServerType::TEXT | ServerType::VARCHAR | ServerType::BPCHAR | ServerType::NAME | ServerType::UNKNOWN => {
                std::str::from_utf8(bytes).ok()
            }
            _ => None,
        }
    }

    fn number(&self, bytes: &[u8]) -> Option<Number> {
        Some(match *self.kind {
            ServerType::INT8 => Number::Int(i64::from_be_bytes(bytes.try_into().ok()?)),
            ServerType::INT4 => Number::Int(i32::from_be_bytes(bytes.try_into().ok()?).into()),
            ServerType::INT2 => Number::Int(i16::from_be_bytes(bytes.try_into().ok()?).into()),
            ServerType::BOOL => Number::Int((*bytes.first()? != 0).into()),
            ServerType::FLOAT8 => Number::Real(f64::from_be_bytes(bytes.try_into().ok()?)),
            ServerType::FLOAT4 => Number::Real(f32::from_be_bytes(bytes.try_into().ok()?).into()),
            ServerType::NUMERIC => numeric(bytes)?,
            _ => return None,
        })
    }
}

/// The server's decimal number, which is what a sum of 64-bit numbers is: how many digits to base 10000, the power of
/// the first, a sign, how many decimal places are shown, the digits.
fn numeric(bytes: &[u8]) -> Option<Number> {
    let word = |index: usize| Some(u16::from_be_bytes(bytes.get(2 * index..2 * index + 2)?.try_into().ok()?));
    let (count, weight, sign, scale) = (word(0)?, word(1)? as i16, word(2)?, word(3)?);
    if !matches!(sign, 0 | NEGATIVE) {
        return Some(Number::Real(f64::NAN));
    }
    let digits = (0..count).map(|index| word(4 + usize::from(index))).collect::<Option<Vec<u16>>>()?;
    if scale == 0 {
        let places = (0..=weight.max(-1)).map(|place| digits.get(place as usize).copied().unwrap_or(0));
        let value = places.fold(0i128, |value, digit| value.saturating_mul(10_000).saturating_add(digit.into()));
        return i64::try_from(if sign == NEGATIVE { -value } else { value }).ok().map(Number::Int);
    }
    let value: f64 = digits
        .iter()
        .enumerate()
        .map(|(index, digit)| f64::from(*digit) * 10_000f64.powi(i32::from(weight) - index as i32))
        .sum();
    Some(Number::Real(if sign == NEGATIVE { -value } else { value }))
}

/// The mark of a negative decimal number.
const NEGATIVE: u16 = 0x4000;

fn put_numeric(value: i64, out: &mut BytesMut) {
    let mut digits = Vec::new();
    let mut rest = value.unsigned_abs();
    while rest > 0 {
        digits.push((rest % 10_000) as u16);
        rest /= 10_000;
    }
    out.put_u16(digits.len() as u16);
    out.put_i16(digits.len() as i16 - 1);
    out.put_u16(if value < 0 { NEGATIVE } else { 0 });
    out.put_u16(0);
    digits.iter().rev().for_each(|digit| out.put_u16(*digit));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_decimal_numbers_come_back() {
        for value in [0, 1, -1, 9_999, 10_000, -10_001, 123_456_789, i64::MAX, i64::MIN] {
            let mut bytes = BytesMut::new();
            put_numeric(value, &mut bytes);
            assert!(matches!(numeric(&bytes), Some(Number::Int(found)) if found == value), "{value}");
        }
    }

    #[test]
    fn decimal_places_make_a_real_number() {
        // -1.5: two digits, of which the second stands for 5000 / 10000.
        let words: [u16; 6] = [2, 0, NEGATIVE, 1, 1, 5000];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        assert!(matches!(numeric(&bytes), Some(Number::Real(-1.5))));
    }
}
