-- The best measurements of each attempt, kept with it so that a list of runs reads no curve.

ALTER TABLE run_attempts
    ADD COLUMN best_loss float8,
    ADD COLUMN best_exact_accuracy float8,
    ADD COLUMN best_validation float8;

UPDATE run_attempts SET best_loss = best.loss, best_exact_accuracy = best.exact_accuracy, best_validation = best.validation
FROM (SELECT run_id, attempt, min(loss) AS loss, max(exact_accuracy) AS exact_accuracy,
             max(validation_exact::float8 / NULLIF(validation_n, 0)) AS validation
      FROM metrics GROUP BY run_id, attempt) AS best
WHERE run_attempts.run_id = best.run_id AND run_attempts.attempt = best.attempt;
