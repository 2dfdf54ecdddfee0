-- The score that a checkpoint is known by, if it has one: what runs, models and sweeps show, whoever looks. Measured before
-- claimed, on a whole test split before a part of it, on the puzzles beside which it was trained before others, solved as solving
-- uses a model before other ways, and of equals the newest. A score on puzzles that another team alone may see is none: nobody else
-- is to learn of it, or to be judged by it.
CREATE FUNCTION known_score(checkpoint uuid) RETURNS SETOF evaluations LANGUAGE sql STABLE AS $$
    SELECT evaluations.* FROM evaluations JOIN checkpoints ON checkpoints.id = checkpoint_id
    WHERE checkpoint_id = checkpoint AND split = 'test'
      AND (claimed OR EXISTS (SELECT 1 FROM datasets
                              WHERE content_hash = evaluations.dataset_hash
                                    AND (team_id = checkpoints.team_id OR datasets.public)))
    ORDER BY claimed, result ? 'of', evaluations.dataset_hash = checkpoints.dataset_hash DESC,
             protocol - 'limit' - 'attempts' = jsonb_build_object(
                 'halting', 'q', 'max_steps', experiment #> '{arch,halt_max_steps}') DESC,
             evaluations.id DESC
    LIMIT 1
$$;
