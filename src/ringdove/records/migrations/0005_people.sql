-- One person, permission as evidence, and what is kept of both.

ALTER TABLE store ADD COLUMN policy jsonb NOT NULL DEFAULT '{}';
CREATE TABLE installation_key (
  name text PRIMARY KEY,
  sealed bytea NOT NULL
);
SELECT ringdove_reference('installation_key');

ALTER TABLE contact DROP CONSTRAINT contact_marketing_check;
ALTER TABLE contact ADD CONSTRAINT contact_marketing_check
  CHECK (marketing IN ('none', 'asked', 'in', 'out'));
ALTER TABLE contact
  ADD COLUMN city text NOT NULL DEFAULT '',
  ADD COLUMN sex text NOT NULL DEFAULT '' CHECK (sex IN ('', 'f', 'm')),
  ADD COLUMN birthday date,
  ADD COLUMN children date[] NOT NULL DEFAULT '{}',
  ADD COLUMN fields jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN scopes jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN paused_until timestamptz,
  ADD COLUMN seen_at timestamptz,
  ADD COLUMN origin_note text NOT NULL DEFAULT '',
  ADD COLUMN merged_into bigint,
  ADD COLUMN also bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN ledger_seq integer NOT NULL DEFAULT 0,
  ADD COLUMN ledger_hash text NOT NULL DEFAULT '',
  ADD COLUMN erased_at timestamptz;

ALTER TABLE consent_event DROP CONSTRAINT consent_event_change_check;
ALTER TABLE consent_event ADD CONSTRAINT consent_event_change_check
  CHECK (change IN ('in', 'out', 'asked', 'paused', 'none'));
ALTER TABLE consent_event
  ADD COLUMN ip text NOT NULL DEFAULT '',
  ADD COLUMN device text NOT NULL DEFAULT '',
  ADD COLUMN who text NOT NULL DEFAULT '',
  ADD COLUMN seq integer NOT NULL DEFAULT 0,
  ADD COLUMN prev text NOT NULL DEFAULT '',
  ADD COLUMN hash text NOT NULL DEFAULT '',
  ADD COLUMN until timestamptz;

ALTER TABLE message
  ADD COLUMN category text NOT NULL DEFAULT '',
  ADD COLUMN occasion text NOT NULL DEFAULT '',
  ADD COLUMN own_hours text NOT NULL DEFAULT '';

CREATE TABLE suppression (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  hash text NOT NULL,
  scope text NOT NULL CHECK (scope IN ('marketing', 'all')),
  reason text NOT NULL,
  at timestamptz NOT NULL,
  contact_id bigint,
  PRIMARY KEY (bucket, store_id, hash)
);
SELECT ringdove_distribute('suppression', 'contact');

-- The ledger as evidence: seals over all rows, its check, questions by text (see schema.sql).
CREATE FUNCTION ringdove_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- What an erased person wrote gives way to the digest by which it was chained. Nothing else does.
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'consent_event' THEN
    IF NEW.words IN (OLD.words,
         '(erased) sha256:' || encode(sha256(convert_to(OLD.words, 'UTF8')), 'hex'))
       AND to_jsonb(NEW) - 'words' = to_jsonb(OLD) - 'words' THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION '% is append-only: its rows are evidence', TG_TABLE_NAME;
END $$;
CREATE FUNCTION ringdove_append_only(kept text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- Not asked by an insert, so it costs nothing. Citus knows no triggers: there the right is taken.
  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
    EXECUTE format('REVOKE DELETE, TRUNCATE ON %I FROM CURRENT_USER', kept);
    RETURN;
  END IF;
  EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I
                  FOR EACH ROW EXECUTE FUNCTION ringdove_keep()', kept || '_kept', kept);
  EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I
                  FOR EACH STATEMENT EXECUTE FUNCTION ringdove_keep()', kept || '_whole', kept);
END $$;
-- Rows of before the chain: the person's next row follows on a digest of all of them
-- (rules/ledger.py:of_before makes the same).
UPDATE contact c SET ledger_hash = old.digest
FROM (
  SELECT e.bucket, e.store_id, e.contact_id, encode(sha256(convert_to(string_agg(
    array_to_string(ARRAY(SELECT length(v) || ':' || v FROM unnest(ARRAY[
      e.id::text, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00',
      e.scope, e.change, e.source, encode(sha256(convert_to(e.words, 'UTF8')), 'hex'), e.language
    ]) WITH ORDINALITY AS u(v, n) ORDER BY u.n), ''), '' ORDER BY e.id), 'UTF8')), 'hex') AS digest
  FROM consent_event e GROUP BY e.bucket, e.store_id, e.contact_id
) old
WHERE c.bucket = old.bucket AND c.store_id = old.store_id AND c.id = old.contact_id;
CREATE TABLE consent_seal (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  seq integer NOT NULL,
  first_id bigint NOT NULL,
  last_id bigint NOT NULL,
  rows integer NOT NULL,
  digest text NOT NULL,
  prev text NOT NULL,
  hash text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (bucket, store_id, seq)
);
CREATE TABLE consent_check (
  store_id integer PRIMARY KEY REFERENCES store (id),
  asked_at timestamptz,
  checked_at timestamptz,
  rows bigint NOT NULL DEFAULT 0,
  people bigint NOT NULL DEFAULT 0,
  seals bigint NOT NULL DEFAULT 0,
  fingerprint text NOT NULL DEFAULT '',
  broken text NOT NULL DEFAULT ''
);
CREATE TABLE consent_question (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  contact_id bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('confirm', 'still')),
  state text NOT NULL CHECK (state IN ('open', 'yes', 'silence', 'unreached')),
  asked integer NOT NULL,
  asked_at timestamptz,
  until timestamptz NOT NULL,
  message_id bigint,
  about jsonb NOT NULL DEFAULT '{}',
  words text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, contact_id, kind)
);
CREATE INDEX consent_question_open ON consent_question (bucket, until) WHERE state = 'open';
SELECT ringdove_append_only('consent_event');
SELECT ringdove_append_only('consent_seal');
SELECT ringdove_reference('consent_check');
SELECT ringdove_distribute('consent_seal', 'contact');
SELECT ringdove_distribute('consent_question', 'contact');

-- erasure

CREATE INDEX suppression_newest ON suppression (bucket, at, hash, store_id);

CREATE TABLE erasure (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  contact_id bigint NOT NULL,
  people bigint[] NOT NULL,
  scope text NOT NULL CHECK (scope IN ('marketing', 'all')),
  asked_at timestamptz NOT NULL,
  asked_by text NOT NULL,
  ask_key text NOT NULL DEFAULT '',
  state text NOT NULL CHECK (state IN ('keys', 'facts', 'late', 'done')),
  next_bucket integer NOT NULL DEFAULT 0,
  due_at timestamptz NOT NULL,
  known jsonb NOT NULL DEFAULT '{}',
  counts jsonb NOT NULL DEFAULT '{}',
  done_at timestamptz,
  PRIMARY KEY (bucket, store_id, contact_id)
);
CREATE INDEX erasure_due ON erasure (bucket, due_at) WHERE state <> 'done';

CREATE TABLE erased_key (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  hash text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (bucket, store_id, hash)
);
CREATE TABLE retention_mark (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  kind text NOT NULL,
  done_before bigint NOT NULL,
  PRIMARY KEY (bucket, store_id, kind)
);
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY['erasure', 'erased_key', 'retention_mark']) t;

CREATE INDEX contact_merged ON contact (bucket, merged_into) WHERE merged_into IS NOT NULL;

-- What the decision remembers. What went out before counts as well, as do orders.
CREATE TABLE touch (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  contact_id bigint NOT NULL,
  message_id bigint NOT NULL,
  at timestamptz NOT NULL,
  topic text NOT NULL,
  category text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, contact_id, message_id)
);
SELECT ringdove_distribute('touch', 'contact');
CREATE TABLE contact_category (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  contact_id bigint NOT NULL,
  category text NOT NULL,
  bought_at timestamptz NOT NULL,
  orders integer NOT NULL,
  PRIMARY KEY (bucket, store_id, contact_id, category)
);
SELECT ringdove_distribute('contact_category', 'contact');
INSERT INTO touch (bucket, store_id, contact_id, message_id, at, topic, category)
SELECT m.bucket, m.store_id, m.contact_id, m.id, m.sent_at, m.topic, m.category FROM message m
WHERE m.class = 'marketing' AND m.channel = 'sms' AND m.sent_at > now() - interval '31 days';
INSERT INTO contact_category (bucket, store_id, contact_id, category, bought_at, orders)
SELECT o.bucket, o.store_id, o.contact_id, l.category, max(o.placed_at), count(DISTINCT o.id)
FROM purchase_order o
JOIN order_line l ON l.bucket = o.bucket AND l.store_id = o.store_id AND l.order_id = o.id
WHERE l.category <> '' AND o.cancelled_at IS NULL
GROUP BY o.bucket, o.store_id, o.contact_id, l.category;

-- lists of people

CREATE TABLE people_import (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  name text NOT NULL,
  octets bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('mapping', 'checking', 'checked', 'running', 'paused',
    'done', 'cancelled', 'undoing', 'undone', 'failed')),
  plan jsonb NOT NULL,
  user_id integer,
  created_at timestamptz NOT NULL,
  began_at timestamptz,
  began_row integer NOT NULL DEFAULT 0,
  done_at timestamptz,
  row_at integer NOT NULL DEFAULT 0,
  row_count integer NOT NULL DEFAULT 0,
  counts jsonb NOT NULL DEFAULT '{}',
  forecast jsonb NOT NULL DEFAULT '{}',
  error text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, id)
);

CREATE TABLE people_import_piece (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  import_id bigint NOT NULL,
  n integer NOT NULL,
  octets bytea NOT NULL,
  PRIMARY KEY (bucket, store_id, import_id, n)
);

CREATE TABLE people_import_reject (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  import_id bigint NOT NULL,
  line integer NOT NULL,
  reason text NOT NULL,
  cells jsonb NOT NULL,
  PRIMARY KEY (bucket, store_id, import_id, line)
);

CREATE TABLE people_import_touch (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  import_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  mark bigint,
  before jsonb,
  after jsonb,
  refs jsonb,
  allowed jsonb,
  PRIMARY KEY (bucket, store_id, import_id, contact_id)
);
CREATE INDEX people_import_due ON people_import (bucket, state, id, store_id)
  WHERE state IN ('checking', 'running', 'undoing');
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY['people_import',
  'people_import_piece', 'people_import_reject', 'people_import_touch']) t;

-- ways in

CREATE TABLE sign_up_form (
  store_id integer NOT NULL REFERENCES store (id),
  id integer NOT NULL,
  token text NOT NULL UNIQUE,
  name text NOT NULL,
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  published_at timestamptz,
  retired_at timestamptz,
  PRIMARY KEY (store_id, id)
);

CREATE TABLE keyword (
  store_id integer NOT NULL REFERENCES store (id),
  word text NOT NULL,
  shown text NOT NULL,
  form_id integer NOT NULL,
  language text NOT NULL,
  offer text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL,
  PRIMARY KEY (store_id, word)
);

CREATE TABLE reward (
  store_id integer NOT NULL REFERENCES store (id),
  id integer NOT NULL,
  token text NOT NULL UNIQUE,
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('code', 'points', 'page')),
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL,
  retired_at timestamptz,
  PRIMARY KEY (store_id, id)
);

CREATE TABLE welcome (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  hash text NOT NULL,
  contact_id bigint NOT NULL,
  form_id integer NOT NULL,
  asked_at timestamptz,
  welcomed_at timestamptz,
  reward_id integer NOT NULL DEFAULT 0,
  given_at timestamptz,
  PRIMARY KEY (bucket, store_id, hash)
);

CREATE TABLE reward_given (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  reward_id integer NOT NULL,
  at timestamptz NOT NULL,
  code text NOT NULL DEFAULT '',
  points integer NOT NULL DEFAULT 0,
  valid_until timestamptz,
  opened_at timestamptz,
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX reward_given_contact ON reward_given (bucket, contact_id, store_id, id);

CREATE TABLE promo_code (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  code text NOT NULL,
  reward_id integer NOT NULL,
  contact_id bigint,
  given_at timestamptz NOT NULL,
  valid_until timestamptz,
  used_at timestamptz,
  used_order text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, code)
);

CREATE TABLE free_code (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  reward_id integer NOT NULL,
  code text NOT NULL,
  PRIMARY KEY (bucket, store_id, reward_id, code)
);

CREATE TABLE way_count (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  name text NOT NULL,
  n bigint NOT NULL,
  PRIMARY KEY (bucket, store_id, name)
) WITH (fillfactor = 75);

SELECT ringdove_reference(t) FROM unnest(ARRAY['sign_up_form', 'keyword', 'reward']) t;
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY[
  'welcome', 'reward_given', 'promo_code', 'free_code', 'way_count']) t;

-- Finding people as one types.

CREATE TABLE contact_search (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  contact_id bigint NOT NULL,
  digits text NOT NULL,
  signs tsvector NOT NULL,
  PRIMARY KEY (bucket, store_id, contact_id)
);
CREATE INDEX contact_search_signs ON contact_search USING gin (signs)
  WITH (gin_pending_list_limit = 1024);
CREATE INDEX purchase_order_number ON purchase_order (
  bucket, (regexp_replace(lower(number), '^[^0-9]+(?=[0-9])', '')) text_pattern_ops, contact_id,
  store_id);
CREATE TABLE search_fill (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  next_before bigint NOT NULL,
  down_to bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (bucket, store_id)
);
SELECT ringdove_distribute('contact_search', 'contact');
SELECT ringdove_distribute('search_fill', 'contact');
INSERT INTO search_fill (bucket, store_id, next_before)
SELECT DISTINCT c.bucket, c.store_id, 9223372036854775807 FROM contact c;

-- one person

ALTER TABLE contact
  ADD COLUMN agreed_phones text[] NOT NULL DEFAULT '{}',
  ADD COLUMN rekeyed_at timestamptz;
CREATE TABLE contact_merge (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  other_id bigint NOT NULL,
  at timestamptz NOT NULL,
  by text NOT NULL DEFAULT '',
  before jsonb NOT NULL,
  parted_at timestamptz,
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX contact_merge_contact ON contact_merge (bucket, contact_id, store_id, id);
SELECT ringdove_distribute('contact_merge', 'contact');
CREATE TABLE own_field (
  store_id integer NOT NULL REFERENCES store (id),
  key text NOT NULL,
  title text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('text', 'number', 'date', 'yes_no', 'choice')),
  choices text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL,
  retired_at timestamptz,
  PRIMARY KEY (store_id, key)
);
SELECT ringdove_reference('own_field');
