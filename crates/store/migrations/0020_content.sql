-- What is said about a project: how it goes, in words and in one of a few states.
CREATE TABLE status_updates (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    parent_id BIGINT NOT NULL,
    resource_subtype TEXT NOT NULL,
    status_type TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    html_text TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by_id BIGINT NOT NULL,
    modified_at BIGINT NOT NULL
);
CREATE INDEX status_updates_by_parent ON status_updates (parent_id, created_at, gid);

CREATE TABLE status_update_likes (
    gid {id} PRIMARY KEY,
    status_update_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL
);
CREATE UNIQUE INDEX status_update_likes_by_status_update ON status_update_likes (status_update_id, user_id);

-- An emoji that somebody put on a story or a status update. emoji_base is the emoji without its skin tone; host_id is the
-- task or the project of the target, which decides who sees it.
CREATE TABLE reactions (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    host_id BIGINT NOT NULL,
    target_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    emoji {ordered} NOT NULL,
    emoji_base {ordered} NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX reactions_by_target ON reactions (target_id, emoji, user_id);

CREATE VIEW reaction_summaries AS
    SELECT host_id, target_id, emoji_base, emoji AS variant, count(*) AS reaction_count
    FROM reactions GROUP BY host_id, target_id, emoji_base, emoji;

-- What can be reacted to.
CREATE VIEW reaction_targets AS
    SELECT gid, target_id AS host_id FROM stories
    UNION ALL SELECT gid, parent_id AS host_id FROM status_updates;

-- A file of ours (asana) or a link to somebody else's (external), on a task or a project. file is the name under which the
-- server keeps the content.
CREATE TABLE attachments (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    parent_id BIGINT NOT NULL,
    resource_subtype TEXT NOT NULL,
    name TEXT NOT NULL,
    url TEXT,
    file {ordered},
    content_type TEXT,
    size BIGINT,
    connected_app_id BIGINT,
    created_at BIGINT NOT NULL,
    created_by_id BIGINT NOT NULL
);
CREATE INDEX attachments_by_parent ON attachments (parent_id, gid);
CREATE UNIQUE INDEX attachments_by_file ON attachments (file) WHERE file IS NOT NULL;
