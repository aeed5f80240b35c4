use engine::call::Call;
use engine::error::Result;
use engine::field::{Field, Kind, sql};
pub const fn custom_fields() -> Field {
    sql("custom_fields", Kind::Json, "'[]'")
}
pub fn set_values(_: &mut Call<'_>, _: i64, _: &serde_json::Map<String, serde_json::Value>, _: &[i64]) -> Result<()> {
    Ok(())
}
