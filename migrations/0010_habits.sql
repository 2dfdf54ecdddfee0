-- What people say about runs, groups of runs, and requests that are not to be carried out twice.
CREATE TABLE sweeps (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    team_id uuid NOT NULL REFERENCES teams (id),
    public boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE runs
    ADD COLUMN tags text[] NOT NULL DEFAULT '{}',
    ADD COLUMN notes text NOT NULL DEFAULT '',
    ADD COLUMN sweep_id uuid REFERENCES sweeps (id),
    -- Counts what people change about it, which is what If-Match compares.
    ADD COLUMN edition bigint NOT NULL DEFAULT 0;

CREATE INDEX runs_sweep ON runs (sweep_id) WHERE sweep_id IS NOT NULL;
CREATE INDEX runs_tags ON runs USING gin (tags);

-- Names that move from model to model.
CREATE TABLE aliases (
    team_id uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    alias text NOT NULL,
    checkpoint_id uuid NOT NULL REFERENCES checkpoints (id) ON DELETE CASCADE,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (team_id, alias)
);

CREATE INDEX aliases_checkpoint ON aliases (checkpoint_id);

-- A status once the answer is there.
CREATE TABLE idempotency (
    caller text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint,
    location text,
    body bytea,
    begun_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, key)
);

CREATE INDEX idempotency_begun ON idempotency (begun_at);

-- A change of its name is one that a reader sees, too.
DROP TRIGGER jobs_count_revision ON jobs;
CREATE TRIGGER jobs_count_revision
    BEFORE UPDATE OF name, public, state, reason, phase, attempt, done, total, cancel_requested, pause_requested,
                     preempted_by, priority, result_id
    ON jobs FOR EACH ROW EXECUTE FUNCTION count_revision();
