-- What somebody has thrown away and can have back: one row for each act, not for what went along. kept is JSON of what the
-- act took away and a restoration brings back, where rows do not tell.
CREATE TABLE trash (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    kept TEXT,
    deleted_at BIGINT NOT NULL,
    deleted_by_id BIGINT NOT NULL
);
CREATE INDEX trash_by_workspace ON trash (workspace_id, deleted_at, gid);
CREATE INDEX trash_by_time ON trash (deleted_at, gid);

-- Tags, too, stay for a while. A task in the trash knows with what it went there: itself, the task above it, a project.
ALTER TABLE tags ADD COLUMN deleted_at BIGINT;
ALTER TABLE tasks ADD COLUMN deleted_with_id BIGINT;
CREATE INDEX tasks_by_deletion ON tasks (deleted_with_id, gid) WHERE deleted_with_id IS NOT NULL;

-- What nobody can have any more is nobody's favorite.
CREATE INDEX favorites_by_object ON favorites (object_id);

-- What is in the trash already: a task that went at the moment of a project of its own went with that, and a subtask that
-- went at the moment of its parent with the parent, five levels down.
UPDATE tasks SET deleted_with_id = coalesce(
    (SELECT min(p.gid) FROM task_projects e JOIN projects p ON p.gid = e.project_id
        WHERE e.task_id = tasks.gid AND p.deleted_at = tasks.deleted_at),
    gid)
    WHERE deleted_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM tasks k WHERE k.gid = tasks.parent_id AND k.deleted_at = tasks.deleted_at);
UPDATE tasks SET deleted_with_id = (SELECT k.deleted_with_id FROM tasks k WHERE k.gid = tasks.parent_id)
    WHERE deleted_at IS NOT NULL AND deleted_with_id IS NULL;
UPDATE tasks SET deleted_with_id = (SELECT k.deleted_with_id FROM tasks k WHERE k.gid = tasks.parent_id)
    WHERE deleted_at IS NOT NULL AND deleted_with_id IS NULL;
UPDATE tasks SET deleted_with_id = (SELECT k.deleted_with_id FROM tasks k WHERE k.gid = tasks.parent_id)
    WHERE deleted_at IS NOT NULL AND deleted_with_id IS NULL;
UPDATE tasks SET deleted_with_id = (SELECT k.deleted_with_id FROM tasks k WHERE k.gid = tasks.parent_id)
    WHERE deleted_at IS NOT NULL AND deleted_with_id IS NULL;
UPDATE tasks SET deleted_with_id = (SELECT k.deleted_with_id FROM tasks k WHERE k.gid = tasks.parent_id)
    WHERE deleted_at IS NOT NULL AND deleted_with_id IS NULL;

INSERT INTO trash (gid, workspace_id, kind, deleted_at, deleted_by_id)
    SELECT d.gid, d.workspace_id, d.kind, d.deleted_at, coalesce(
        (SELECT max(s.actor_id) FROM change_routes r
            JOIN changes c ON c.set_id = r.set_id AND c.object_id = d.gid AND c.action = 'deleted'
            JOIN change_sets s ON s.id = r.set_id
            WHERE r.container_id = d.gid AND s.created_at = d.deleted_at), 0)
    FROM (
        SELECT gid, workspace_id, 'task' AS kind, deleted_at FROM tasks WHERE deleted_with_id = gid
        UNION ALL SELECT gid, workspace_id, 'project', deleted_at FROM projects WHERE deleted_at IS NOT NULL
        UNION ALL SELECT gid, workspace_id, 'custom_field', deleted_at FROM custom_fields WHERE deleted_at IS NOT NULL) d;
