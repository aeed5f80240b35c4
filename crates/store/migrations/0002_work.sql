-- People, places, work, access and the change log.
-- Times are milliseconds since 1970, dates ISO text. Columns that decide an order or a comparison are {ordered}.

-- What is this gid? One narrow row per object, kept after its deletion.
CREATE TABLE objects (
    gid {id} PRIMARY KEY,
    kind TEXT NOT NULL,
    workspace_id BIGINT NOT NULL,
    deleted_at BIGINT
);

CREATE TABLE workspaces (
    gid {id} PRIMARY KEY,
    name TEXT NOT NULL,
    is_organization BOOLEAN NOT NULL,
    email_domains TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE users (
    gid {id} PRIMARY KEY,
    name TEXT NOT NULL,
    name_folded {ordered} NOT NULL,
    email TEXT NOT NULL,
    email_folded {ordered} NOT NULL,
    password_digest TEXT,
    created_at BIGINT NOT NULL,
    deactivated_at BIGINT
);
CREATE UNIQUE INDEX users_by_email ON users (email_folded);

CREATE TABLE workspace_memberships (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    is_guest BOOLEAN NOT NULL,
    is_admin BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX workspace_memberships_by_user ON workspace_memberships (user_id, workspace_id);
CREATE UNIQUE INDEX workspace_memberships_by_workspace ON workspace_memberships (workspace_id, user_id);

CREATE TABLE teams (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    name_folded {ordered} NOT NULL,
    description TEXT NOT NULL,
    visibility TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX teams_by_workspace ON teams (workspace_id, name_folded, gid);

CREATE TABLE team_memberships (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    team_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    is_admin BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX team_memberships_by_team ON team_memberships (team_id, user_id);
CREATE INDEX team_memberships_by_user ON team_memberships (user_id, team_id);

-- Personal access tokens. Only a digest of the secret is kept.
CREATE TABLE tokens (
    gid {id} PRIMARY KEY,
    user_id BIGINT NOT NULL,
    label TEXT NOT NULL,
    digest {bytes} NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE UNIQUE INDEX tokens_by_digest ON tokens (digest);
CREATE INDEX tokens_by_user ON tokens (user_id, gid);

-- Counters that tell a server when what it remembers about tokens and principals is out of date.
CREATE TABLE epochs (
    name {ordered} PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO epochs (name, value) VALUES ('access', 1);

-- Who may do what where: a principal is a user, a team, or a workspace (its full members).
CREATE TABLE grants (
    scope_id BIGINT NOT NULL,
    principal_id BIGINT NOT NULL,
    level BIGINT NOT NULL,
    PRIMARY KEY (scope_id, principal_id)
) {compact_table};
CREATE INDEX grants_by_principal ON grants (principal_id, scope_id, level);

CREATE TABLE projects (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    team_id BIGINT,
    name TEXT NOT NULL,
    notes TEXT NOT NULL,
    html_notes TEXT,
    owner_id BIGINT,
    archived BOOLEAN NOT NULL,
    color TEXT,
    icon TEXT,
    default_view TEXT NOT NULL,
    due_on TEXT,
    start_on TEXT,
    privacy_setting TEXT NOT NULL,
    default_access_level TEXT NOT NULL,
    minimum_access_level_for_customization TEXT NOT NULL,
    minimum_access_level_for_sharing TEXT NOT NULL,
    completed BOOLEAN NOT NULL,
    completed_at BIGINT,
    completed_by_id BIGINT,
    created_at BIGINT NOT NULL,
    created_by_id BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX projects_by_workspace ON projects (workspace_id, gid);
CREATE INDEX projects_by_team ON projects (team_id, gid);

CREATE TABLE project_memberships (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    project_id BIGINT NOT NULL,
    member_id BIGINT NOT NULL,
    access_level TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX project_memberships_by_project ON project_memberships (project_id, member_id);
CREATE INDEX project_memberships_by_member ON project_memberships (member_id, project_id);

CREATE TABLE project_followers (
    project_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    PRIMARY KEY (project_id, user_id)
) {compact_table};

CREATE TABLE sections (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    project_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    rank {ordered} NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX sections_by_project ON sections (project_id, rank, gid);

CREATE TABLE tags (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    color TEXT,
    notes TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX tags_by_workspace ON tags (workspace_id, gid);

CREATE TABLE tasks (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    resource_subtype TEXT NOT NULL,
    notes TEXT NOT NULL,
    html_notes TEXT,
    assignee_id BIGINT,
    assignee_status TEXT NOT NULL,
    assigned_by_id BIGINT,
    approval_status TEXT,
    completed BOOLEAN NOT NULL,
    completed_at BIGINT,
    completed_by_id BIGINT,
    start_on TEXT,
    start_at BIGINT,
    due_on TEXT,
    due_at BIGINT,
    parent_id BIGINT,
    rank {ordered} NOT NULL,
    is_rendered_as_separator BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    created_by_id BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX tasks_by_assignee ON tasks (assignee_id, workspace_id, gid) WHERE assignee_id IS NOT NULL;
CREATE INDEX tasks_by_parent ON tasks (parent_id, rank, gid) WHERE parent_id IS NOT NULL;

CREATE TABLE task_projects (
    task_id BIGINT NOT NULL,
    project_id BIGINT NOT NULL,
    section_id BIGINT NOT NULL,
    rank {ordered} NOT NULL,
    PRIMARY KEY (task_id, project_id)
) {compact_table};
CREATE UNIQUE INDEX task_projects_by_section ON task_projects (section_id, rank, task_id);
CREATE INDEX task_projects_by_project ON task_projects (project_id, task_id);

-- Where a task gets its visibility from: its projects, itself (grants of assignee and followers), and what its parent has.
CREATE TABLE task_scopes (
    task_id BIGINT NOT NULL,
    scope_id BIGINT NOT NULL,
    PRIMARY KEY (task_id, scope_id)
) {compact_table};
CREATE INDEX task_scopes_by_scope ON task_scopes (scope_id, task_id);

CREATE TABLE task_followers (
    task_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    PRIMARY KEY (task_id, user_id)
) {compact_table};

CREATE TABLE task_likes (
    gid {id} PRIMARY KEY,
    task_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL
);
CREATE UNIQUE INDEX task_likes_by_task ON task_likes (task_id, user_id);

CREATE TABLE task_tags (
    task_id BIGINT NOT NULL,
    tag_id BIGINT NOT NULL,
    PRIMARY KEY (task_id, tag_id)
) {compact_table};
CREATE INDEX task_tags_by_tag ON task_tags (tag_id, task_id);

-- task_id waits for depends_on_id.
CREATE TABLE task_dependencies (
    task_id BIGINT NOT NULL,
    depends_on_id BIGINT NOT NULL,
    PRIMARY KEY (task_id, depends_on_id)
) {compact_table};
CREATE INDEX task_dependencies_by_dependency ON task_dependencies (depends_on_id, task_id);

-- External identifiers, one world per application; application 0 is that of personal access tokens.
CREATE TABLE task_externals (
    task_id BIGINT NOT NULL,
    app_id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    gid {ordered},
    data TEXT,
    PRIMARY KEY (task_id, app_id)
) {compact_table};
CREATE UNIQUE INDEX task_externals_by_gid ON task_externals (app_id, workspace_id, gid) WHERE gid IS NOT NULL;

-- Comments, and the system stories that changes write. object_id, old_id and new_id point at what the subtype names
-- (an assignee, a section, a tag ...); details is a JSON object of plain values (old_name, new_dates ...).
CREATE TABLE stories (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    target_id BIGINT NOT NULL,
    type TEXT NOT NULL,
    resource_subtype TEXT NOT NULL,
    text TEXT,
    html_text TEXT,
    is_pinned BOOLEAN NOT NULL,
    is_edited BOOLEAN NOT NULL,
    sticker_name TEXT,
    source TEXT NOT NULL,
    object_id BIGINT,
    old_id BIGINT,
    new_id BIGINT,
    details TEXT,
    created_at BIGINT NOT NULL,
    created_by_id BIGINT NOT NULL
);
CREATE INDEX stories_by_target ON stories (target_id, created_at, gid);

CREATE TABLE story_likes (
    gid {id} PRIMARY KEY,
    story_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL
);
CREATE UNIQUE INDEX story_likes_by_story ON story_likes (story_id, user_id);

CREATE TABLE custom_fields (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    name_folded {ordered} NOT NULL,
    resource_subtype TEXT NOT NULL,
    description TEXT NOT NULL,
    precision_digits BIGINT,
    format TEXT,
    currency_code TEXT,
    custom_label TEXT,
    custom_label_position TEXT,
    is_global_to_workspace BOOLEAN NOT NULL,
    has_notifications_enabled BOOLEAN NOT NULL,
    privacy_setting TEXT NOT NULL,
    default_access_level TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by_id BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX custom_fields_by_name ON custom_fields (workspace_id, name_folded) WHERE deleted_at IS NULL;
CREATE INDEX custom_fields_by_workspace ON custom_fields (workspace_id, gid);

CREATE TABLE enum_options (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    custom_field_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    color TEXT NOT NULL,
    rank {ordered} NOT NULL
);
CREATE INDEX enum_options_by_field ON enum_options (custom_field_id, rank, gid);

CREATE TABLE custom_field_settings (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    parent_id BIGINT NOT NULL,
    custom_field_id BIGINT NOT NULL,
    is_important BOOLEAN NOT NULL,
    rank {ordered} NOT NULL
);
CREATE UNIQUE INDEX custom_field_settings_by_parent ON custom_field_settings (parent_id, custom_field_id);
CREATE INDEX custom_field_settings_in_order ON custom_field_settings (parent_id, rank, gid);
CREATE INDEX custom_field_settings_by_field ON custom_field_settings (custom_field_id, parent_id);

-- The value of a field on an object (a task); lists (multi_enum, people) have their members in the next table.
CREATE TABLE custom_field_values (
    gid {id} PRIMARY KEY,
    object_id BIGINT NOT NULL,
    custom_field_id BIGINT NOT NULL,
    text_value TEXT,
    number_value DOUBLE PRECISION,
    enum_option_id BIGINT,
    date_value TEXT,
    date_time_value BIGINT
);
CREATE UNIQUE INDEX custom_field_values_by_object ON custom_field_values (object_id, custom_field_id);
CREATE INDEX custom_field_values_by_field ON custom_field_values (custom_field_id, object_id);

CREATE TABLE custom_field_value_items (
    value_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    item_id BIGINT NOT NULL,
    PRIMARY KEY (value_id, position)
) {compact_table};

-- What changed, in the transaction of the change; value is the gid of the object that a field names, gained or lost.
-- Where sequence order is not commit order, position stays NULL until a reader numbers the row.
CREATE TABLE changes (
    id {serial},
    workspace_id BIGINT NOT NULL,
    object_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    resource_subtype TEXT,
    action TEXT NOT NULL,
    field TEXT,
    field_action TEXT,
    value BIGINT,
    parent_id BIGINT,
    actor_id BIGINT,
    created_at BIGINT NOT NULL,
    position BIGINT
);

-- Where a change is heard: the containers that it bubbled to when it happened.
CREATE TABLE change_routes (
    container_id BIGINT NOT NULL,
    change_id BIGINT NOT NULL,
    PRIMARY KEY (container_id, change_id)
) {compact_table};
