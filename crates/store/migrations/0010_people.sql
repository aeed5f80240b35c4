-- Teams say who may manage them; people have their own lists of tasks, and things that they like to have at hand.
ALTER TABLE teams ADD COLUMN html_description TEXT;
ALTER TABLE teams ADD COLUMN endorsed BOOLEAN;
ALTER TABLE teams ADD COLUMN edit_team_name_or_description_access_level TEXT;
ALTER TABLE teams ADD COLUMN edit_team_visibility_or_trash_team_access_level TEXT;
ALTER TABLE teams ADD COLUMN member_invite_management_access_level TEXT;
ALTER TABLE teams ADD COLUMN guest_invite_management_access_level TEXT;
ALTER TABLE teams ADD COLUMN join_request_management_access_level TEXT;
ALTER TABLE teams ADD COLUMN team_member_removal_access_level TEXT;
ALTER TABLE teams ADD COLUMN team_content_management_access_level TEXT;
UPDATE teams SET
    endorsed = FALSE,
    edit_team_name_or_description_access_level = 'all_team_members',
    edit_team_visibility_or_trash_team_access_level = 'all_team_members',
    member_invite_management_access_level = 'all_team_members',
    guest_invite_management_access_level = 'all_team_members',
    join_request_management_access_level = 'all_team_members',
    team_member_removal_access_level = 'all_team_members',
    team_content_management_access_level = 'no_restriction';

-- Memberships are objects with a path of their own from now on.
INSERT INTO objects (gid, kind, workspace_id)
    SELECT gid, 'workspace_membership', workspace_id FROM workspace_memberships;
INSERT INTO objects (gid, kind, workspace_id)
    SELECT gid, 'team_membership', workspace_id FROM team_memberships;
CREATE INDEX workspace_memberships_by_gid ON workspace_memberships (workspace_id, gid);
CREATE INDEX team_memberships_by_gid ON team_memberships (team_id, gid);
CREATE INDEX project_memberships_by_gid ON project_memberships (project_id, gid);

-- My Tasks: one list for each member of a workspace. Its sections stand in the table of sections, with the list's gid for
-- the project's, and only its owner holds a grant on it.
CREATE TABLE user_task_lists (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    owner_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX user_task_lists_by_owner ON user_task_lists (owner_id, workspace_id);

-- Where a task stands in the list of its assignee.
CREATE TABLE user_task_list_tasks (
    task_id BIGINT PRIMARY KEY,
    section_id BIGINT NOT NULL,
    rank {ordered} NOT NULL
) {compact_table};
CREATE UNIQUE INDEX user_task_list_tasks_by_section ON user_task_list_tasks (section_id, rank, task_id);

-- Those who are members already get a list with one section, and in it what they are assigned. The tasks share a rank:
-- the first who moves one spreads them.
INSERT INTO user_task_lists (gid, workspace_id, owner_id, created_at)
    SELECT b.next - 1 + row_number() OVER (ORDER BY m.gid), m.workspace_id, m.user_id, m.created_at
    FROM workspace_memberships m CROSS JOIN gid_blocks b WHERE b.id = 1;
UPDATE gid_blocks SET next = next + (SELECT count(*) FROM user_task_lists);
INSERT INTO objects (gid, kind, workspace_id) SELECT gid, 'user_task_list', workspace_id FROM user_task_lists;
INSERT INTO grants (scope_id, principal_id, level) SELECT gid, owner_id, 40 FROM user_task_lists;
INSERT INTO sections (gid, workspace_id, project_id, name, rank, created_at)
    SELECT b.next - 1 + row_number() OVER (ORDER BY l.gid), l.workspace_id, l.gid, 'Recently assigned', 'a0', l.created_at
    FROM user_task_lists l CROSS JOIN gid_blocks b WHERE b.id = 1;
UPDATE gid_blocks SET next = next + (SELECT count(*) FROM user_task_lists);
INSERT INTO objects (gid, kind, workspace_id)
    SELECT s.gid, 'section', s.workspace_id FROM sections s JOIN user_task_lists l ON l.gid = s.project_id;
INSERT INTO user_task_list_tasks (task_id, section_id, rank)
    SELECT t.gid, s.gid, 'a0' FROM tasks t
    JOIN user_task_lists l ON l.owner_id = t.assignee_id AND l.workspace_id = t.workspace_id
    JOIN sections s ON s.project_id = l.gid;

-- What somebody wants to have at hand, in the order in which they put it.
CREATE TABLE favorites (
    user_id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    object_id BIGINT NOT NULL,
    rank {ordered} NOT NULL,
    PRIMARY KEY (user_id, object_id)
) {compact_table};
CREATE INDEX favorites_in_order ON favorites (user_id, workspace_id, rank, object_id);
