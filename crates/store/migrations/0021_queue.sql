-- What is left for later: one row for each job, from the transaction that wants it until it is done. state is JSON that its
-- kind understands; unique_key is there where a kind has one row only, as schedules do. Whoever runs a job has put its lease
-- here, and run_at to where the lease ends: a job is anybody's from run_at on.
CREATE TABLE queued_jobs (
    id {serial},
    kind {ordered} NOT NULL,
    unique_key {ordered},
    state TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    app_id BIGINT NOT NULL,
    run_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    lease {ordered},
    last_error TEXT,
    failed_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX queued_jobs_by_time ON queued_jobs (run_at, id) WHERE failed_at IS NULL;
CREATE INDEX queued_jobs_failed ON queued_jobs (failed_at) WHERE failed_at IS NOT NULL;
CREATE UNIQUE INDEX queued_jobs_by_key ON queued_jobs (kind, unique_key) WHERE unique_key IS NOT NULL;
