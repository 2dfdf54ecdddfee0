-- Where each attempt of a run began. A point of an earlier attempt beyond that step was trained again: it is
-- superseded, and kept for whoever looks for what happened.
CREATE TABLE run_attempts (
    run_id uuid NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    attempt bigint NOT NULL CHECK (attempt >= 1),
    from_step bigint NOT NULL CHECK (from_step >= 0),
    begun_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, attempt)
);

-- Until now every attempt began at the start.
INSERT INTO run_attempts (run_id, attempt, from_step)
SELECT DISTINCT run_id, attempt, 0 FROM metrics
UNION SELECT runs.id, jobs.attempt, 0 FROM runs JOIN jobs USING (id) WHERE jobs.attempt > 0;

ALTER TABLE metrics ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT now();

-- Everything a training needs to go on as if it had never stopped.
CREATE TABLE train_states (
    id uuid PRIMARY KEY,
    run_id uuid NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    attempt bigint NOT NULL,
    step bigint NOT NULL CHECK (step >= 1),
    artifact_id uuid NOT NULL REFERENCES artifacts (id),
    -- Its bytes were not what was stored, or no state of this run: the one before it is used.
    damaged boolean NOT NULL DEFAULT false,
    -- Kept whatever the retention says.
    pinned boolean NOT NULL DEFAULT false,
    -- Exact accuracy on the validation split, where one was measured.
    validation_exact double precision CHECK (validation_exact BETWEEN 0 AND 1),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT train_states_key UNIQUE (run_id, attempt, step)
);

CREATE INDEX train_states_newest ON train_states (run_id, step DESC, id DESC);
CREATE INDEX train_states_artifact ON train_states (artifact_id);
