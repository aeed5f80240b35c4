//! What becomes of writes when something goes wrong among them: see `suite/`, and docs/durability.md.
