-- Where runs and scores come from, how checkpoints are chosen, and scores that were only imported.

-- Scores on equal test splits can be compared, whatever was trained on. Null until a dataset is stored anew.
ALTER TABLE datasets
    ADD COLUMN test_hash text CHECK (test_hash ~ '^[0-9a-f]{64}$'),
    -- Of the generator, or of the draw of training and validation puzzles from a file; null where nothing was drawn.
    ADD COLUMN seed bigint CHECK (seed >= 0);
UPDATE datasets SET seed = (generated ->> 'seed')::bigint WHERE generated IS NOT NULL;

-- Null for runs that were trained here.
ALTER TABLE runs ADD COLUMN imported_at timestamptz;

ALTER TABLE run_attempts
    -- Which program on which machine; null for attempts of before it was noted.
    ADD COLUMN environment jsonb,
    -- What it cost until now, as far as its worker could tell.
    ADD COLUMN active_seconds double precision CHECK (active_seconds >= 0),
    ADD COLUMN peak_memory_bytes bigint CHECK (peak_memory_bytes >= 0);

-- Null where the validation split was not looked at after this step.
ALTER TABLE metrics
    ADD COLUMN validation_n bigint CHECK (validation_n > 0),
    ADD COLUMN validation_exact bigint CHECK (validation_exact BETWEEN 0 AND validation_n),
    ADD COLUMN validation_accuracy double precision,
    ADD CONSTRAINT metrics_validation_is_whole CHECK (
        (validation_n IS NULL) = (validation_exact IS NULL) AND (validation_n IS NULL) = (validation_accuracy IS NULL)
    );

-- How it was chosen among the states of its training; null if that is not known. Until now it was always the last.
ALTER TABLE checkpoints ADD COLUMN choice jsonb;
UPDATE checkpoints SET choice = '{"rule": "last"}';

-- A score is tied to contents: the checkpoint's and the dataset's. A claimed one came with an imported run, was not
-- measured here, and may be on a dataset that is not stored here (yet).
ALTER TABLE evaluations
    ADD COLUMN checkpoint_sha256 text,
    ADD COLUMN choice jsonb,
    ADD COLUMN dataset_hash text,
    ADD COLUMN environment jsonb,
    ADD COLUMN claimed boolean NOT NULL DEFAULT false;
UPDATE evaluations SET
    checkpoint_sha256 = artifacts.sha256,
    choice = checkpoints.choice,
    dataset_hash = datasets.content_hash
FROM checkpoints, artifacts, datasets
WHERE checkpoints.id = checkpoint_id AND artifacts.id = checkpoints.artifact_id AND datasets.id = dataset_id;
ALTER TABLE evaluations
    ALTER COLUMN checkpoint_sha256 SET NOT NULL,
    ALTER COLUMN dataset_hash SET NOT NULL,
    ALTER COLUMN dataset_id DROP NOT NULL,
    ADD CONSTRAINT evaluations_measured_on_stored CHECK (claimed OR dataset_id IS NOT NULL);

DROP INDEX evaluations_dataset;
CREATE INDEX evaluations_dataset ON evaluations (dataset_hash, exact_accuracy DESC);
