-- What each attempt up to `upto` has left of a run's curve: its points up to step `until`, from which a later attempt went on.
-- One part after the other they are the curve in the order of its steps, and each is a range of the metrics' primary key.
CREATE FUNCTION curve_parts(run uuid, upto bigint) RETURNS TABLE (attempt bigint, until bigint) LANGUAGE sql STABLE AS $$
    SELECT attempt, COALESCE(min(from_step) OVER (ORDER BY attempt ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING),
                             9223372036854775807)
    FROM run_attempts WHERE run_id = run AND attempt <= upto
$$;
