-- Who may read a run of a sweep may read the sweep, with those of its runs that he may read; a flag of its own says nothing more.
ALTER TABLE sweeps DROP COLUMN public;
