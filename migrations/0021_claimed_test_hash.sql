-- Of a claimed score the test puzzles that it is said to be of, known where the dataset itself is not.
ALTER TABLE evaluations
    ADD COLUMN test_hash text CHECK (test_hash ~ '^[0-9a-f]{64}$'),
    ADD CHECK (claimed OR test_hash IS NULL);
