-- How many test puzzles a score's model was trained on, where both are of one dataset of which that was counted.
UPDATE evaluations SET result = result || jsonb_build_object('in_training', known.count)
FROM (SELECT DISTINCT ON (content_hash) content_hash, (leaks ->> 'test_in_train')::bigint AS count
      FROM datasets WHERE leaks IS NOT NULL ORDER BY content_hash, id) AS known, checkpoints
WHERE known.content_hash = evaluations.dataset_hash AND checkpoints.id = evaluations.checkpoint_id
      AND checkpoints.dataset_hash = evaluations.dataset_hash AND split = 'test' AND NOT claimed AND NOT result ? 'in_training';
