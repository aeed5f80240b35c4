-- What the store itself needs: the settings of the installation and the numbers not yet handed out as gids.
CREATE TABLE settings (
    name {ordered} PRIMARY KEY,
    value TEXT
) {compact_table};

CREATE TABLE gid_blocks (
    id {id} PRIMARY KEY,
    next BIGINT NOT NULL
);

-- 2^52: far above every gid that a hosted workspace could bring along today, and below 2^53, where JavaScript's numbers end.
INSERT INTO gid_blocks (id, next) VALUES (1, 4503599627370496);
