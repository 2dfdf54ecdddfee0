-- An attempt that ended before it measured anything has trained nothing that could take the place of an earlier one's points.
CREATE OR REPLACE FUNCTION curve_parts(run uuid, upto bigint) RETURNS TABLE (attempt bigint, until bigint)
LANGUAGE sql STABLE AS $$
    SELECT attempt, COALESCE(min(from_step) OVER (ORDER BY attempt ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING),
                             9223372036854775807)
    FROM run_attempts
    WHERE run_id = run AND attempt <= upto
      AND EXISTS (SELECT 1 FROM metrics WHERE metrics.run_id = run AND metrics.attempt = run_attempts.attempt)
$$;
