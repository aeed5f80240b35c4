-- What one request changed is mostly heard at the same places: its changes become a set, and a set has routes.
ALTER TABLE changes RENAME TO change_sets;

CREATE TABLE changes (
    set_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    object_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    resource_subtype TEXT,
    action TEXT NOT NULL,
    field TEXT,
    field_action TEXT,
    value BIGINT,
    parent_id BIGINT,
    PRIMARY KEY (set_id, number)
) {compact_table};
INSERT INTO changes (set_id, number, object_id, kind, resource_subtype, action, field, field_action, value, parent_id)
    SELECT id, 0, object_id, kind, resource_subtype, action, field, field_action, value, parent_id FROM change_sets;

ALTER TABLE change_sets DROP COLUMN object_id;
ALTER TABLE change_sets DROP COLUMN kind;
ALTER TABLE change_sets DROP COLUMN resource_subtype;
ALTER TABLE change_sets DROP COLUMN action;
ALTER TABLE change_sets DROP COLUMN field;
ALTER TABLE change_sets DROP COLUMN field_action;
ALTER TABLE change_sets DROP COLUMN value;
ALTER TABLE change_sets DROP COLUMN parent_id;

-- Where a set is heard. With only_itself, whoever listens there hears of its changes only those of that very object.
CREATE TABLE set_routes (
    container_id BIGINT NOT NULL,
    set_id BIGINT NOT NULL,
    only_itself BOOLEAN NOT NULL,
    PRIMARY KEY (container_id, set_id)
) {compact_table};
INSERT INTO set_routes (container_id, set_id, only_itself) SELECT container_id, change_id, FALSE FROM change_routes;
DROP TABLE change_routes;
ALTER TABLE set_routes RENAME TO change_routes;
