-- Everything that needs an artifact: what is not in here may be collected.
CREATE VIEW referred_artifacts AS
    SELECT artifact_id FROM train_states
    UNION ALL
    SELECT artifact_id FROM checkpoints
    UNION ALL
    SELECT start_artifact_id FROM runs WHERE start_artifact_id IS NOT NULL;
