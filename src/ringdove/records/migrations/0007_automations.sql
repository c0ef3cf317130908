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

-- Tasks, calls, alerts.
CREATE TABLE task (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint,
  order_id bigint,
  recipe text NOT NULL DEFAULT '',
  enrollment_id bigint,
  said text NOT NULL,
  owner integer,
  due_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL DEFAULT '',
  done_at timestamptz,
  done_by text NOT NULL DEFAULT '',
  result text NOT NULL DEFAULT ''
    CHECK (result IN ('', 'done', 'failed', 'not_needed', 'told', 'erased')),
  note text NOT NULL DEFAULT '',
  tell text NOT NULL DEFAULT 'task'
    CHECK (tell IN ('task', 'person', 'webhook')),
  tell_at timestamptz,
  tell_tries smallint NOT NULL DEFAULT 0,
  told_at timestamptz,
  trouble text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX task_open ON task (bucket, due_at, store_id, id) WHERE done_at IS NULL;
CREATE INDEX task_done ON task (bucket, done_at, store_id, id) WHERE done_at IS NOT NULL;
CREATE INDEX task_contact ON task (bucket, contact_id, store_id, id);
CREATE INDEX task_untold ON task (bucket, tell_at) WHERE tell_at IS NOT NULL;

CREATE TABLE order_call (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  order_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  at timestamptz NOT NULL,
  by text NOT NULL,
  result text NOT NULL CHECK (result IN
    ('confirmed', 'changed', 'cancelled', 'no_answer', 'call_again', 'wrong_number')),
  note text NOT NULL DEFAULT '',
  again_at timestamptz,
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX order_call_order ON order_call (bucket, order_id, store_id, id);
CREATE INDEX order_call_contact ON order_call (bucket, contact_id, store_id, id);

CREATE TABLE alert_address (
  store_id integer PRIMARY KEY REFERENCES store (id),
  url text NOT NULL,
  secret bytea NOT NULL,
  changed_at timestamptz NOT NULL
);
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY['task', 'order_call']) t;
SELECT ringdove_reference('alert_address');

-- What automations would have done.
CREATE TABLE automation_rehearsal (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  recipe text NOT NULL,
  version integer NOT NULL,
  since timestamptz NOT NULL,
  until timestamptz NOT NULL,
  asked_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('asked', 'running', 'done', 'failed')),
  seen integer NOT NULL DEFAULT 0,
  of_all integer NOT NULL DEFAULT 0,
  result jsonb NOT NULL DEFAULT '{}',
  error text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, recipe)
);
SELECT ringdove_distribute('automation_rehearsal', 'contact');

-- Triggers: times told, people in segments. Facts of the outside go before our own timers.
CREATE TABLE trigger_mark (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  recipe text NOT NULL,
  since timestamptz NOT NULL,
  until timestamptz NOT NULL,
  PRIMARY KEY (bucket, store_id, recipe)
);
CREATE TABLE automation_member (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  recipe text NOT NULL,
  contact_id bigint NOT NULL,
  PRIMARY KEY (bucket, store_id, recipe, contact_id)
);
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY['trigger_mark', 'automation_member']) t;
ALTER TABLE product ADD COLUMN new_at timestamptz;
ALTER TABLE pending_fact ADD COLUMN urgency smallint NOT NULL DEFAULT 0;
UPDATE pending_fact SET urgency = 1 FROM fact f
WHERE f.bucket = pending_fact.bucket AND f.store_id = pending_fact.store_id
  AND f.id = pending_fact.fact_id AND f.kind = 'automation.woken';
DROP INDEX pending_fact_due;
CREATE INDEX pending_fact_due ON pending_fact (bucket, urgency, due_at, fact_id)
  WHERE parked_at IS NULL;

-- Buyers are left alone; links in the texts of automations.
ALTER TABLE message ADD COLUMN guard_since timestamptz,
  ADD COLUMN place text NOT NULL DEFAULT '', ADD COLUMN goods text[] NOT NULL DEFAULT '{}',
  ADD COLUMN sku text NOT NULL DEFAULT '';
CREATE TABLE wish (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  sku text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('stock', 'price')),
  state text NOT NULL CHECK (state IN ('waiting', 'granted')),
  asked_at timestamptz NOT NULL,
  until timestamptz NOT NULL,
  price numeric(14, 2),
  times smallint NOT NULL DEFAULT 0,
  granted_at timestamptz,
  told_at timestamptz,
  PRIMARY KEY (bucket, store_id, id),
  UNIQUE (bucket, contact_id, sku, kind, store_id)
);
CREATE INDEX wish_waiting ON wish (bucket, sku, kind, store_id, asked_at, id)
  WHERE state = 'waiting';
CREATE INDEX wish_granted ON wish (bucket, sku, granted_at, store_id) WHERE state = 'granted';
SELECT ringdove_distribute('wish', 'contact');

-- Goods that texts name.
CREATE TABLE goods_list (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  about text NOT NULL,
  goods jsonb NOT NULL,
  learnt_at timestamptz NOT NULL,
  PRIMARY KEY (bucket, store_id, about)
);
CREATE TABLE goods_learnt (
  store_id integer PRIMARY KEY REFERENCES store (id),
  learnt_at timestamptz NOT NULL,
  goods integer NOT NULL,
  buyers bigint NOT NULL,
  lists integer NOT NULL
);
CREATE INDEX product_new ON product (bucket, category, store_id, new_at)
  WHERE new_at IS NOT NULL;
SELECT ringdove_distribute('goods_list', 'contact');
SELECT ringdove_reference('goods_learnt');
