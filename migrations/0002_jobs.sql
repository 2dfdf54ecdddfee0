-- One queue for everything that workers do. A run keeps what is particular to training and shares its id with
-- its job, which holds the rest: state, order, lease, progress.

-- queued -> running -> succeeded | failed | cancelled | paused
-- running -> queued                    given back by its worker, preempted, or its worker died
-- queued -> paused | cancelled         before a worker took it
-- paused -> queued | cancelled
-- failed | cancelled -> queued         on request
-- Whoever changes a running job must hold its lease_token; only the sweep acts without it, and only once
-- lease_expires has passed. Wishes (cancel, pause, preempted_by) are noted by others and heard by the worker.
CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('training', 'evaluation', 'generation')),
    name text NOT NULL,
    -- What is to be done; for a training its run's experiment says it.
    spec jsonb,
    owner text NOT NULL DEFAULT 'local',
    priority smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN -100 AND 100),
    state text NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled')),
    reason text,
    phase text,
    -- Attempts begun. Never decreases, so that (run, attempt, step) names one measurement for ever.
    attempt bigint NOT NULL DEFAULT 0,
    -- Attempts in a row whose worker vanished before it stored a checkpoint; at max_deaths the job fails.
    deaths bigint NOT NULL DEFAULT 0,
    max_deaths bigint NOT NULL DEFAULT 3 CHECK (max_deaths >= 1),
    run_after timestamptz NOT NULL DEFAULT now(),
    -- Steps trained, puzzles evaluated or generated; of them, what a stored checkpoint holds.
    done bigint NOT NULL DEFAULT 0,
    saved_done bigint NOT NULL DEFAULT 0,
    total bigint,
    cancel_requested boolean NOT NULL DEFAULT false,
    pause_requested boolean NOT NULL DEFAULT false,
    -- The job this one makes room for.
    preempted_by uuid,
    -- No reference: a worker's row is removed when it ends, its jobs are not.
    worker_id uuid,
    device text,
    lease_token uuid,
    lease_expires timestamptz,
    -- The stored evaluation or dataset that came of it.
    result_id uuid,
    -- Counts the changes a reader can see, so that watching a job is comparing one number.
    revision bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT jobs_training_has_a_run CHECK ((kind = 'training') = (spec IS NULL)),
    CONSTRAINT jobs_running_is_leased CHECK (
        (state = 'running') = (lease_token IS NOT NULL)
        AND (state = 'running') = (lease_expires IS NOT NULL)
        AND (state = 'running') = (worker_id IS NOT NULL)
        AND (state = 'running') = (device IS NOT NULL)
    ),
    CONSTRAINT jobs_final_is_finished CHECK (
        (state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)
    )
    -- A queue's rows change often: room for new versions beside the old ones, and early cleaning.
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

INSERT INTO jobs (id, kind, name, state, reason, phase, attempt, deaths, max_deaths, run_after, done, total,
                  cancel_requested, worker_id, device, lease_token, lease_expires, revision, created_at, started_at,
                  finished_at)
SELECT id, 'training', name, state, reason, phase, attempt, deaths, max_attempts, created_at, step, total_steps,
       cancel_requested, worker_id,
       -- Devices had no names: one that is nobody else's, until the lease ends.
       CASE state WHEN 'running' THEN worker_id::text END,
       lease_token, lease_expires, revision, created_at, started_at, finished_at
FROM runs;

CREATE INDEX jobs_queue ON jobs (owner, priority DESC, id) WHERE state = 'queued';
CREATE INDEX jobs_served ON jobs (owner, started_at);
CREATE INDEX jobs_running ON jobs (owner) WHERE state = 'running';
CREATE INDEX jobs_kind ON jobs (kind, id);
CREATE UNIQUE INDEX jobs_device_key ON jobs (device) WHERE state = 'running';

-- The function is that of the runs until now. Not on lease_expires: a heartbeat changes nothing that a reader sees.
CREATE TRIGGER jobs_count_revision
    BEFORE UPDATE OF state, reason, phase, attempt, done, total, cancel_requested, pause_requested, preempted_by,
                     priority, result_id
    ON jobs FOR EACH ROW EXECUTE FUNCTION count_revision();

DROP TRIGGER runs_count_revision ON runs;
DROP INDEX runs_queued, runs_leases;
ALTER TABLE runs
    ADD CONSTRAINT runs_job FOREIGN KEY (id) REFERENCES jobs (id) ON DELETE CASCADE,
    DROP CONSTRAINT runs_running_is_leased,
    DROP CONSTRAINT runs_final_is_finished,
    DROP COLUMN name,
    DROP COLUMN state,
    DROP COLUMN reason,
    DROP COLUMN phase,
    DROP COLUMN attempt,
    DROP COLUMN deaths,
    DROP COLUMN max_attempts,
    DROP COLUMN step,
    DROP COLUMN total_steps,
    DROP COLUMN cancel_requested,
    DROP COLUMN worker_id,
    DROP COLUMN lease_token,
    DROP COLUMN lease_expires,
    DROP COLUMN revision,
    DROP COLUMN created_at,
    DROP COLUMN started_at,
    DROP COLUMN finished_at;

-- A hint to look sooner than the next poll; nothing depends on its arrival.
CREATE FUNCTION ring_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('hrm_jobs', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER jobs_ring_new AFTER INSERT ON jobs FOR EACH STATEMENT EXECUTE FUNCTION ring_jobs();
CREATE TRIGGER jobs_ring_changed
    AFTER UPDATE OF state, priority, cancel_requested, pause_requested, preempted_by ON jobs FOR EACH ROW
    WHEN (NEW.state = 'queued'
          OR NEW.state = 'running'
             AND (NEW.cancel_requested OR NEW.pause_requested OR NEW.preempted_by IS NOT NULL))
    EXECUTE FUNCTION ring_jobs();

-- What a job's worker has said, oldest lines dropped first.
CREATE TABLE run_logs (
    job_id uuid NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    id bigint GENERATED ALWAYS AS IDENTITY,
    attempt bigint NOT NULL,
    level text NOT NULL CHECK (level IN ('info', 'warn', 'error')),
    message text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (job_id, id)
);

ALTER TABLE workers
    ADD COLUMN device_id text NOT NULL DEFAULT '',
    ADD COLUMN devices jsonb NOT NULL DEFAULT '[]';
