-- Every change of a job that a reader can see notes its transaction, so that whoever watches the queue misses none.
ALTER TABLE jobs ADD COLUMN changed_in bigint NOT NULL DEFAULT 0;
ALTER TABLE jobs ALTER COLUMN changed_in SET DEFAULT pg_current_xact_id()::text::bigint;

CREATE OR REPLACE FUNCTION count_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := OLD.revision + 1;
    NEW.changed_in := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END
$$;

CREATE INDEX jobs_changed ON jobs (changed_in, id);
