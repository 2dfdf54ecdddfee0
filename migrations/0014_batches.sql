-- Many puzzles for one model, solved by a worker.
ALTER TABLE jobs DROP CONSTRAINT jobs_kind_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('training', 'evaluation', 'generation', 'batch'));

CREATE TABLE batch_puzzles (
    job_id uuid NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    position bigint NOT NULL,
    question text NOT NULL,
    -- Of an ARC test, where its output is known.
    expected text,
    task text NOT NULL DEFAULT '',
    -- None until it is answered, as is all below.
    answer text,
    solved boolean,
    violations text[] NOT NULL DEFAULT '{}',
    steps_used bigint,
    halted boolean,
    q_halt real,
    confidence real,
    PRIMARY KEY (job_id, position)
);

CREATE INDEX batch_puzzles_unanswered ON batch_puzzles (job_id, position) WHERE answer IS NULL;
