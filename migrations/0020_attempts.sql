-- Views of a puzzle that were looked at until the rules accepted the answer.
ALTER TABLE batch_puzzles ADD COLUMN attempts bigint;
UPDATE batch_puzzles SET attempts = 1 WHERE answer IS NOT NULL;
