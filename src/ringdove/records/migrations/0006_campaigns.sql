-- Segments, offers, links and campaigns. Comments of the columns stand in schema.sql.

ALTER TABLE store ADD COLUMN link_host text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX store_link_host ON store (link_host) WHERE link_host <> '';
ALTER TABLE product ADD COLUMN key text NOT NULL DEFAULT '';
ALTER TABLE message
  ADD COLUMN campaign_id integer,
  ADD COLUMN variant smallint NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN campaign_id integer;

-- ---------------------------------------------------------------- offers

ALTER TABLE reward_given ADD COLUMN is_welcome boolean NOT NULL DEFAULT true;
ALTER TABLE free_code
  ADD COLUMN shop text NOT NULL DEFAULT 'knows',
  ADD COLUMN shop_said text NOT NULL DEFAULT '';
CREATE INDEX free_code_waiting ON free_code (bucket, reward_id, store_id) WHERE shop <> 'knows';

CREATE TABLE offer_use (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  reward_id integer NOT NULL,
  order_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  code text NOT NULL,
  at timestamptz NOT NULL,
  freed_at timestamptz,
  PRIMARY KEY (bucket, store_id, reward_id, order_id)
);
CREATE INDEX offer_use_contact ON offer_use (bucket, contact_id, store_id);
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY['offer_use']) t;

-- ---------------------------------------------------------------- segments

CREATE TABLE segment (
  store_id integer NOT NULL REFERENCES store (id),
  id integer NOT NULL,
  name text NOT NULL,
  tree jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  changed_by integer,
  retired_at timestamptz,
  PRIMARY KEY (store_id, id)
);

-- ---------------------------------------------------------------- campaigns

ALTER TABLE api_key ADD COLUMN created_by integer;

CREATE TABLE campaign (
  store_id integer NOT NULL REFERENCES store (id),
  id integer NOT NULL,
  name text NOT NULL,
  state text NOT NULL,
  reason text NOT NULL DEFAULT '',
  plan jsonb NOT NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  created_by integer,
  changed_at timestamptz NOT NULL,
  approved_at timestamptz,
  approved_by integer,
  approved_version integer,
  begin_at timestamptz,
  began_at timestamptz,
  ended_at timestamptz,
  changed_by integer,
  asked_by integer,
  copied_from integer,
  made_key text,
  tries integer NOT NULL DEFAULT 0,
  tried_at timestamptz,
  trouble text NOT NULL DEFAULT '',
  PRIMARY KEY (store_id, id)
);
CREATE UNIQUE INDEX campaign_made ON campaign (store_id, made_key);

CREATE TABLE campaign_run (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  campaign_id integer NOT NULL,
  version integer NOT NULL,
  next_id bigint NOT NULL DEFAULT 0,
  is_done boolean NOT NULL DEFAULT false,
  first_message bigint,
  last_message bigint,
  counts jsonb NOT NULL DEFAULT '{}',
  changed_at timestamptz NOT NULL,
  total integer NOT NULL DEFAULT 0,
  remade_id bigint NOT NULL DEFAULT 0,
  is_held boolean NOT NULL DEFAULT false,
  is_taken_back boolean NOT NULL DEFAULT false,
  PRIMARY KEY (bucket, store_id, campaign_id)
);

CREATE TABLE rehearsal (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  campaign_id integer NOT NULL,
  version integer NOT NULL,
  clock timestamptz NOT NULL,
  asked_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('asked', 'running', 'done', 'failed')),
  seen integer NOT NULL DEFAULT 0,
  result jsonb NOT NULL DEFAULT '{}',
  error text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, campaign_id)
);

-- ---------------------------------------------------------------- links

CREATE TABLE link_click (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  message_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  number smallint NOT NULL,
  at timestamptz NOT NULL,
  kind text NOT NULL CHECK (kind IN ('person', 'robot', 'preview')),
  device text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX link_click_message ON link_click (bucket, message_id, store_id);
CREATE INDEX link_click_contact ON link_click (bucket, contact_id, store_id, id);

SELECT ringdove_reference(t) FROM unnest(ARRAY['segment', 'campaign']) t;
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY[
  'campaign_run', 'rehearsal', 'link_click']) t;

-- ---------------------------------------------------------------- what is kept per person

ALTER TABLE contact_category ALTER COLUMN bought_at DROP NOT NULL;
ALTER TABLE contact_category
  ADD COLUMN first_at timestamptz,
  ADD COLUMN days integer NOT NULL DEFAULT 0,
  ADD COLUMN visits integer NOT NULL DEFAULT 0,
  ADD COLUMN seen_at timestamptz,
  ADD COLUMN spent numeric(14, 2) NOT NULL DEFAULT 0,
  ADD COLUMN pieces numeric(14, 3) NOT NULL DEFAULT 0;
CREATE INDEX contact_category_of ON contact_category (bucket, category, store_id, contact_id);
CREATE INDEX order_line_sku ON order_line (bucket, sku, store_id, order_id) WHERE sku <> '';
CREATE INDEX order_line_category ON order_line (bucket, category, store_id, order_id)
  WHERE category <> '';
CREATE INDEX visit_category ON visit (bucket, category, store_id, at, contact_id, id)
  WHERE category <> '';

CREATE TABLE contact_figure (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  contact_id bigint NOT NULL,
  orders integer NOT NULL DEFAULT 0,
  days integer NOT NULL DEFAULT 0,
  visits integer NOT NULL DEFAULT 0,
  own_hour smallint,
  first_order_at timestamptz,
  last_order_at timestamptz,
  visited_at timestamptz,
  cart_at timestamptz,
  spent numeric(14, 2) NOT NULL DEFAULT 0,
  cart_total numeric(14, 2),
  hours bytea NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, contact_id)
) WITH (fillfactor = 85);

CREATE TABLE figure_fill (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  next_before bigint NOT NULL,
  down_to bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (bucket, store_id)
);

CREATE TABLE rhythm (
  store_id integer NOT NULL REFERENCES store (id),
  category text NOT NULL,
  people integer NOT NULL,
  gap_days double precision NOT NULL,
  weight double precision NOT NULL,
  spent numeric(14, 2) NOT NULL,
  learnt_at timestamptz NOT NULL,
  PRIMARY KEY (store_id, category)
);

-- Who is there already is counted by a worker, a page at a time.
INSERT INTO figure_fill (bucket, store_id, next_before)
SELECT DISTINCT c.bucket, c.store_id, 9223372036854775807 FROM contact c;

-- What a person spent in other currencies is in no sum of theirs.
UPDATE contact c SET spent = c.spent - o.spent
FROM (
  SELECT o.bucket, o.store_id, o.contact_id, sum(o.total) AS spent FROM purchase_order o
  JOIN store s ON s.id = o.store_id
  WHERE o.cancelled_at IS NULL AND o.currency NOT IN ('', s.currency)
  GROUP BY o.bucket, o.store_id, o.contact_id
) o
WHERE c.bucket = o.bucket AND c.store_id = o.store_id AND c.id = o.contact_id;

SELECT ringdove_reference('rhythm');
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY['contact_figure', 'figure_fill']) t;

-- ---------------------------------------------------------------- calendar

CREATE TABLE own_date (
  store_id integer NOT NULL REFERENCES store (id),
  id integer NOT NULL,
  name text NOT NULL,
  day date NOT NULL,
  yearly boolean NOT NULL,
  PRIMARY KEY (store_id, id)
);
SELECT ringdove_reference('own_date');

-- ---------------------------------------------------------------- sizes of segments, as counted last

CREATE TABLE segment_size (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  segment_id integer NOT NULL,
  people integer NOT NULL,
  is_whole boolean NOT NULL,
  counted_at timestamptz NOT NULL,
  PRIMARY KEY (bucket, store_id, segment_id)
);
SELECT ringdove_distribute('segment_size', 'contact');
