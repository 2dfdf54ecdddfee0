-- A chunk's body may lie in an object store instead of here; then its row says where.
ALTER TABLE chunks
    ALTER COLUMN bytes DROP NOT NULL,
    ADD COLUMN object text,
    ADD CONSTRAINT chunks_body CHECK ((bytes IS NULL) <> (object IS NULL));

-- What is to be moved out, if anything is.
CREATE INDEX chunks_inside ON chunks (sha256) WHERE bytes IS NOT NULL;

-- Objects that no chunk refers to: those of chunks that were collected, and those that are being written.
CREATE TABLE dropped_objects (
    address text PRIMARY KEY,
    dropped_at timestamptz NOT NULL DEFAULT now()
);
