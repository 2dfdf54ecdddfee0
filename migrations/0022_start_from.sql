-- The checkpoint that a run begins with. Its file is kept as long as the run, whatever becomes of the model.
ALTER TABLE runs ADD COLUMN start_artifact_id uuid REFERENCES artifacts (id);
CREATE INDEX runs_start_artifact ON runs (start_artifact_id) WHERE start_artifact_id IS NOT NULL;
