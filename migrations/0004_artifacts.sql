-- Chunks are addressed by their own content: what two files have in common is stored once. An artifact is a list of
-- them, and whatever keeps a file refers to its artifact. A chunk that is in no list, and an artifact that nothing
-- refers to, is garbage and may be collected.

CREATE TABLE chunks (
    sha256 bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    size integer NOT NULL CHECK (size > 0),
    bytes bytea NOT NULL,
    CONSTRAINT chunks_size CHECK (octet_length(bytes) = size)
);

-- Weights do not compress; trying to costs time at every write.
ALTER TABLE chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;

INSERT INTO chunks (sha256, size, bytes)
SELECT sha256(bytes), octet_length(bytes), bytes FROM artifact_chunks
ON CONFLICT (sha256) DO NOTHING;

-- Copied rather than altered: a dropped column would keep its space.
CREATE TABLE artifact_lists AS
SELECT artifact_id, position, sha256(bytes) AS chunk FROM artifact_chunks;

DROP TABLE artifact_chunks;
ALTER TABLE artifact_lists RENAME TO artifact_chunks;
ALTER TABLE artifact_chunks
    ALTER COLUMN chunk SET NOT NULL,
    ADD PRIMARY KEY (artifact_id, position),
    ADD CHECK (position >= 0),
    ADD CONSTRAINT artifact_chunks_chunk_fkey FOREIGN KEY (chunk) REFERENCES chunks (sha256),
    -- Deferred: chunks arrive before the hash of the whole, and with it the artifact's row, is known.
    ADD CONSTRAINT artifact_chunks_artifact_id_fkey FOREIGN KEY (artifact_id) REFERENCES artifacts (id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;

CREATE INDEX artifact_chunks_chunk ON artifact_chunks (chunk);
