-- Which puzzles of a score were right, the size of puzzle embeddings, and leaderboards that were kept as they stood.

-- A bit for each puzzle, in the order of the split, the first one lowest in the first byte.
CREATE TABLE evaluation_outcomes (
    evaluation_id uuid PRIMARY KEY REFERENCES evaluations (id) ON DELETE CASCADE,
    exact bytea NOT NULL
);

-- Weights of the puzzle embedding; null of ARC and of token sequences stored before this was noted. All Sudokus and
-- all mazes share one identifier.
ALTER TABLE checkpoints ADD COLUMN embedding_parameters bigint CHECK (embedding_parameters >= 0);
UPDATE checkpoints SET embedding_parameters = (experiment #>> '{arch,puzzle_emb_ndim}')::bigint
WHERE kind IN ('sudoku', 'maze');

-- As text: the hash is that of these very bytes. A team keeps one leaderboard once.
CREATE TABLE leaderboard_snapshots (
    id uuid PRIMARY KEY,
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    leaderboard_id text NOT NULL,
    json text NOT NULL,
    csv text NOT NULL,
    team_id uuid NOT NULL REFERENCES teams (id),
    public boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT leaderboard_snapshots_key UNIQUE (sha256, team_id)
);

CREATE INDEX leaderboard_snapshots_of ON leaderboard_snapshots (leaderboard_id, id);
