-- Who may do what, and whose everything is. As long as no user is stored, whoever reaches the server is its one local
-- owner, and everything belongs to the team of this id.
CREATE TABLE teams (
    id uuid PRIMARY KEY,
    name text NOT NULL CONSTRAINT teams_name_key UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO teams (id, name) VALUES ('00000000-0000-7000-8000-000000000001', 'local');

CREATE TABLE users (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'member', 'admin')),
    -- Argon2id with its parameters and salt.
    password_hash text NOT NULL,
    disabled boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Nobody is to be mistaken for another.
CREATE UNIQUE INDEX users_name_key ON users (lower(name));

-- What a user makes belongs to the team joined first, unless another is named.
CREATE TABLE memberships (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    team_id uuid NOT NULL REFERENCES teams (id),
    joined_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, team_id)
);

CREATE INDEX memberships_team ON memberships (team_id);

-- Of secrets only the SHA-256 is kept. They are random, so that nothing slower is needed.
CREATE TABLE invitations (
    id uuid PRIMARY KEY,
    code_hash bytea NOT NULL CONSTRAINT invitations_code_key UNIQUE,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'member', 'admin')),
    team_id uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

CREATE TABLE sessions (
    secret_hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE tokens (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name text NOT NULL,
    -- Its first characters, by which its owner knows it again.
    prefix text NOT NULL,
    secret_hash bytea NOT NULL CONSTRAINT tokens_secret_key UNIQUE,
    scopes text[] NOT NULL CHECK (scopes <@ ARRAY['read', 'solve', 'write', 'admin']),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz
);

CREATE INDEX tokens_user ON tokens (user_id, id);

-- Every object belongs to a team; a public one can be read by whoever may read anything here.
ALTER TABLE jobs
    ADD COLUMN team_id uuid NOT NULL DEFAULT '00000000-0000-7000-8000-000000000001' REFERENCES teams (id),
    ADD COLUMN public boolean NOT NULL DEFAULT false;
ALTER TABLE datasets
    ADD COLUMN team_id uuid NOT NULL DEFAULT '00000000-0000-7000-8000-000000000001' REFERENCES teams (id),
    ADD COLUMN public boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT datasets_name_key,
    DROP CONSTRAINT datasets_content_hash_key;
-- What one team has stored is neither in another's way nor told to it.
ALTER TABLE datasets
    ADD CONSTRAINT datasets_name_key UNIQUE (team_id, name),
    ADD CONSTRAINT datasets_content_hash_key UNIQUE (team_id, content_hash);
ALTER TABLE checkpoints
    ADD COLUMN team_id uuid NOT NULL DEFAULT '00000000-0000-7000-8000-000000000001' REFERENCES teams (id),
    ADD COLUMN public boolean NOT NULL DEFAULT false,
    ADD COLUMN shipped boolean NOT NULL DEFAULT false;
UPDATE checkpoints SET shipped = true, public = true WHERE run_id IS NULL;
DROP INDEX checkpoints_shipped_key;
CREATE UNIQUE INDEX checkpoints_shipped_key ON checkpoints (artifact_id) WHERE shipped;

CREATE INDEX jobs_team ON jobs (team_id, id);
CREATE INDEX datasets_content_hash ON datasets (content_hash);
CREATE INDEX checkpoints_team ON checkpoints (team_id, id);
