-- Datasets and their puzzles, runs and their metrics, checkpoints and their scores, workers.
-- Ids are UUIDs of version 7, made by the program: ordering by id is ordering by creation.

CREATE TABLE datasets (
    id uuid PRIMARY KEY,
    name text NOT NULL CONSTRAINT datasets_name_key UNIQUE,
    kind text NOT NULL,
    side smallint NOT NULL CHECK (side IN (4, 6, 9)),
    origin text NOT NULL,
    -- The generator's settings; null for imported puzzles.
    generated jsonb,
    -- SHA-256 over every puzzle of both splits: one content is stored once.
    content_hash text NOT NULL CONSTRAINT datasets_content_hash_key UNIQUE CHECK (content_hash ~ '^[0-9a-f]{64}$'),
    train_count bigint NOT NULL CHECK (train_count >= 0),
    test_count bigint NOT NULL CHECK (test_count >= 0),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE puzzles (
    dataset_id uuid NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    split text NOT NULL CHECK (split IN ('train', 'test')),
    position bigint NOT NULL CHECK (position >= 0),
    question text NOT NULL,
    answer text NOT NULL,
    rating bigint NOT NULL CHECK (rating >= 0),
    source text NOT NULL,
    PRIMARY KEY (dataset_id, split, position)
);

CREATE TABLE workers (
    id uuid PRIMARY KEY,
    host text NOT NULL,
    pid bigint NOT NULL,
    device text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    last_seen timestamptz NOT NULL DEFAULT now()
);

-- queued -> running -> succeeded | failed | cancelled
-- queued -> cancelled                  cancelled before a worker took it
-- running -> queued                    given back by its worker, or the worker died
-- Whoever changes a running run must hold its lease_token; only the sweep acts without it,
-- and only once lease_expires has passed.
CREATE TABLE runs (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    state text NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    reason text,
    phase text,
    experiment jsonb NOT NULL,
    config_hash text NOT NULL,
    dataset_id uuid REFERENCES datasets (id),
    -- Attempts begun. Never decreases, so that (run, attempt, step) names one measurement for ever.
    attempt bigint NOT NULL DEFAULT 0,
    -- Attempts that ended because the worker vanished; at max_attempts the run fails.
    deaths bigint NOT NULL DEFAULT 0,
    max_attempts bigint NOT NULL DEFAULT 3 CHECK (max_attempts >= 1),
    step bigint NOT NULL DEFAULT 0,
    total_steps bigint,
    parameters bigint,
    cancel_requested boolean NOT NULL DEFAULT false,
    -- No reference: a worker's row is removed when it ends, its runs are not.
    worker_id uuid,
    lease_token uuid,
    lease_expires timestamptz,
    -- Counts the changes a reader can see, so that watching a run is comparing one number.
    revision bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT runs_running_is_leased CHECK (
        (state = 'running') = (lease_token IS NOT NULL)
        AND (state = 'running') = (lease_expires IS NOT NULL)
        AND (state = 'running') = (worker_id IS NOT NULL)
    ),
    CONSTRAINT runs_final_is_finished CHECK (
        (state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)
    )
);

CREATE INDEX runs_queued ON runs (id) WHERE state = 'queued';
CREATE INDEX runs_leases ON runs (lease_expires) WHERE state = 'running';

CREATE FUNCTION count_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END
$$;

-- Not on lease_expires: a heartbeat changes nothing that a reader sees.
CREATE TRIGGER runs_count_revision
    BEFORE UPDATE OF state, reason, phase, dataset_id, attempt, step, total_steps, parameters, cancel_requested
    ON runs FOR EACH ROW EXECUTE FUNCTION count_revision();

CREATE TABLE metrics (
    run_id uuid NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    attempt bigint NOT NULL,
    step bigint NOT NULL,
    examples bigint NOT NULL,
    elapsed_seconds double precision NOT NULL,
    lr double precision NOT NULL,
    loss double precision NOT NULL,
    lm_loss double precision NOT NULL,
    q_halt_loss double precision NOT NULL,
    q_continue_loss double precision NOT NULL,
    -- Null where no sequence halted since the point before.
    accuracy double precision,
    exact_accuracy double precision,
    q_halt_accuracy double precision,
    steps double precision,
    sequences_per_second double precision NOT NULL,
    PRIMARY KEY (run_id, attempt, step)
);

CREATE TABLE artifacts (
    id uuid PRIMARY KEY,
    sha256 text NOT NULL CONSTRAINT artifacts_sha256_key UNIQUE CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size bigint NOT NULL CHECK (size >= 0),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Deferred: chunks arrive before the hash of the whole, and with it the artifact's row, is known.
CREATE TABLE artifact_chunks (
    artifact_id uuid NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    position bigint NOT NULL CHECK (position >= 0),
    bytes bytea NOT NULL,
    PRIMARY KEY (artifact_id, position)
);

-- Weights do not compress; trying to costs time at every write.
ALTER TABLE artifact_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE checkpoints (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    kind text NOT NULL,
    side smallint NOT NULL,
    -- Null for checkpoints that ship with the program.
    run_id uuid REFERENCES runs (id) ON DELETE CASCADE,
    experiment jsonb NOT NULL,
    dataset_hash text NOT NULL,
    artifact_id uuid NOT NULL REFERENCES artifacts (id),
    parameters bigint NOT NULL,
    step bigint NOT NULL,
    train_seconds double precision,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT checkpoints_run_step_key UNIQUE (run_id, step)
);

CREATE INDEX checkpoints_name ON checkpoints (name);
CREATE INDEX checkpoints_artifact ON checkpoints (artifact_id);
-- Two processes starting at once import a shipped checkpoint once.
CREATE UNIQUE INDEX checkpoints_shipped_key ON checkpoints (artifact_id) WHERE run_id IS NULL;

CREATE TABLE evaluations (
    id uuid PRIMARY KEY,
    checkpoint_id uuid NOT NULL REFERENCES checkpoints (id) ON DELETE CASCADE,
    dataset_id uuid NOT NULL REFERENCES datasets (id),
    split text NOT NULL CHECK (split IN ('train', 'test')),
    -- The score as it was measured; what is sorted and compared is read out of it.
    result jsonb NOT NULL,
    protocol jsonb NOT NULL GENERATED ALWAYS AS (result -> 'protocol') STORED,
    n bigint NOT NULL GENERATED ALWAYS AS ((result ->> 'n')::bigint) STORED CHECK (n > 0),
    exact bigint NOT NULL GENERATED ALWAYS AS ((result ->> 'exact')::bigint) STORED CHECK (exact BETWEEN 0 AND n),
    exact_accuracy double precision NOT NULL
        GENERATED ALWAYS AS ((result ->> 'exact_accuracy')::double precision) STORED,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX evaluations_checkpoint ON evaluations (checkpoint_id, id);
CREATE INDEX evaluations_dataset ON evaluations (dataset_id, exact_accuracy DESC);
