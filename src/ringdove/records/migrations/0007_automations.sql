-- Journeys: steps have ids of their own, and a store may change them or write its own.

ALTER TABLE enrollment ADD COLUMN place text NOT NULL DEFAULT '',
  ADD COLUMN memory jsonb NOT NULL DEFAULT '{}';
-- A run that waits stood before the step behind its wait; now it stands at the wait itself.
UPDATE enrollment SET place = 's' || (step - 1) WHERE state = 'waiting';
ALTER TABLE enrollment DROP COLUMN step;
CREATE INDEX enrollment_waiting ON enrollment (bucket, store_id, recipe, place)
  WHERE state = 'waiting';

ALTER TABLE automation ADD COLUMN plan jsonb, ADD COLUMN is_gone boolean NOT NULL DEFAULT false;
UPDATE automation SET steps = (
  SELECT COALESCE(jsonb_object_agg('s' || k, v), '{}') FROM jsonb_each(steps) AS e(k, v)
) WHERE steps <> '{}';
