-- Nobody is to mistake a team for another: names that differ in case alone are made different, the older one keeps its own.
UPDATE teams SET name = left(name, 64 - 9) || '-' || right(id::text, 8)
WHERE EXISTS (SELECT 1 FROM teams AS older WHERE lower(older.name) = lower(teams.name) AND older.id < teams.id);

ALTER TABLE teams DROP CONSTRAINT teams_name_key;
CREATE UNIQUE INDEX teams_name_key ON teams (lower(name));

-- What a team owns is looked for when the team is to be deleted.
CREATE INDEX sweeps_team ON sweeps (team_id);
CREATE INDEX leaderboard_snapshots_team ON leaderboard_snapshots (team_id);

-- A sweep goes with its last run.
DELETE FROM sweeps WHERE NOT EXISTS (SELECT 1 FROM runs WHERE sweep_id = sweeps.id);
