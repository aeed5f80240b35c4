-- What goes on in the background for a caller of the API, who may ask how far it has come; see also queued_jobs.
CREATE TABLE jobs (
    gid {id} PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    resource_subtype TEXT NOT NULL,
    status TEXT NOT NULL,
    new_task_id BIGINT,
    new_project_id BIGINT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX jobs_by_end ON jobs (ended_at, gid) WHERE ended_at IS NOT NULL;

-- What a job that copies has copied so far, as long as it goes on.
CREATE TABLE job_copies (
    job_id BIGINT NOT NULL,
    source_id BIGINT NOT NULL,
    copy_id BIGINT NOT NULL,
    PRIMARY KEY (job_id, source_id)
) {compact_table};
CREATE INDEX job_copies_by_copy ON job_copies (copy_id);

-- The copy of an attachment has the same content: several rows may name a file.
DROP INDEX attachments_by_file;
CREATE INDEX attachments_by_file ON attachments (file) WHERE file IS NOT NULL;
