-- Custom IDs: a field with a prefix numbers the tasks of its projects. The number stands in the value, as digits; what
-- clients see has the prefix before it.
ALTER TABLE custom_fields ADD COLUMN id_prefix TEXT;
ALTER TABLE custom_fields ADD COLUMN id_prefix_folded {ordered};
CREATE UNIQUE INDEX custom_fields_by_id_prefix ON custom_fields (workspace_id, id_prefix_folded)
    WHERE id_prefix_folded IS NOT NULL AND deleted_at IS NULL;

-- The last number that a field has given, 0 before the first. Apart from the fields, which rarely change.
CREATE TABLE custom_id_counters (
    custom_field_id {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    last_number BIGINT NOT NULL
);

ALTER TABLE custom_field_values ADD COLUMN custom_id {ordered};
CREATE UNIQUE INDEX custom_field_values_by_custom_id ON custom_field_values (custom_field_id, custom_id)
    WHERE custom_id IS NOT NULL;
