-- Mazes and ARC tasks beside Sudoku, a validation split, and what is known of where puzzles come from.
ALTER TABLE datasets DROP CONSTRAINT datasets_side_check;
ALTER TABLE datasets
    ADD CONSTRAINT datasets_kind_check CHECK (kind IN ('sudoku', 'maze', 'arc')),
    ADD CONSTRAINT datasets_side_check CHECK (side BETWEEN 3 AND 30),
    ADD COLUMN license text,
    ADD COLUMN validation_count bigint NOT NULL DEFAULT 0 CHECK (validation_count >= 0),
    -- Puzzles that stand in two splits up to symmetry; null until they were counted.
    ADD COLUMN leaks jsonb;

ALTER TABLE puzzles DROP CONSTRAINT puzzles_split_check;
ALTER TABLE puzzles
    ADD CONSTRAINT puzzles_split_check CHECK (split IN ('train', 'validation', 'test')),
    -- The ARC task a pair belongs to; empty for other kinds.
    ADD COLUMN task text NOT NULL DEFAULT '';

ALTER TABLE evaluations DROP CONSTRAINT evaluations_split_check;
ALTER TABLE evaluations ADD CONSTRAINT evaluations_split_check CHECK (split IN ('train', 'validation', 'test'));
