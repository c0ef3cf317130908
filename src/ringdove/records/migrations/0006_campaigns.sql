-- Segments, offers, links and campaigns. Comments of the columns stand in schema.sql.

ALTER TABLE store ADD COLUMN link_host text NOT NULL DEFAULT '';
ALTER TABLE message
  ADD COLUMN campaign_id integer,
  ADD COLUMN variant smallint NOT NULL DEFAULT 0;

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
  PRIMARY KEY (store_id, id)
);

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
