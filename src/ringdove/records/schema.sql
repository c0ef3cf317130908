-- The schema as it stands. migrations/ leads here; tests/records/test_migrations.py proves it.
-- Big tables: bucket first in every key (see kit/buckets.py), ids made by the application.
-- Only the primary key goes on with store_id: while a table is young and has no statistics, the
-- planner cannot tell two indexes with the same first columns apart, and took the wrong one.
-- Small tables: plain, rarely written, no counters in them.

CREATE FUNCTION ringdove_distribute(spread text, beside text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  -- On one server there is nothing to spread. With Citus the table is spread by its bucket.
  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
    EXECUTE format('SELECT create_distributed_table(%L, ''bucket'', colocate_with => %L)',
                   spread, coalesce(beside, 'default'));
  END IF;
END $$;

CREATE FUNCTION ringdove_reference(small text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
    EXECUTE format('SELECT create_reference_table(%L)', small);
  END IF;
END $$;

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

-- ---------------------------------------------------------------- small tables

CREATE TABLE store (
  id integer PRIMARY KEY,
  name text NOT NULL,
  country text NOT NULL,                 -- ISO 3166-1 alpha-2
  time_zone text NOT NULL,               -- IANA name
  languages text[] NOT NULL,             -- texts are offered in these, the first is the default
  currency text NOT NULL,
  quiet_from time NOT NULL,              -- local time of the recipient; equal to quiet_until: none
  quiet_until time NOT NULL,
  website text NOT NULL DEFAULT '',
  phone text NOT NULL DEFAULT '',
  email text NOT NULL DEFAULT '',
  bucket_base integer NOT NULL,
  bucket_span integer NOT NULL,
  created_at timestamptz NOT NULL,
  policy jsonb NOT NULL DEFAULT '{}',    -- rules/policy.py reads it
  link_host text NOT NULL DEFAULT ''     -- short domain of its links; empty: our own address
);
CREATE UNIQUE INDEX store_link_host ON store (link_host) WHERE link_host <> '';

CREATE TABLE installation_key (          -- never rotated: what was hashed with it must be found again
  name text PRIMARY KEY,
  sealed bytea NOT NULL
);

CREATE TABLE app_user (
  id integer PRIMARY KEY,
  email text NOT NULL UNIQUE,            -- lower case
  name text NOT NULL,
  password_hash text NOT NULL,
  language text NOT NULL,
  created_at timestamptz NOT NULL,
  disabled_at timestamptz,
  phone text NOT NULL DEFAULT ''         -- E.164; where alerts reach them by text; empty: nowhere
);

CREATE TABLE user_role (
  user_id integer NOT NULL REFERENCES app_user (id),
  store_id integer NOT NULL REFERENCES store (id),
  role text NOT NULL CHECK (role IN ('owner', 'marketer', 'support', 'viewer')),
  PRIMARY KEY (user_id, store_id)
);

CREATE TABLE session (
  token_hash bytea PRIMARY KEY,
  user_id integer NOT NULL REFERENCES app_user (id),
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  browser text NOT NULL DEFAULT ''
);

CREATE TABLE api_key (
  id integer PRIMARY KEY,
  store_id integer NOT NULL REFERENCES store (id),
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('owner', 'marketer', 'support', 'viewer')),
  token_hash bytea NOT NULL UNIQUE,
  hint text NOT NULL,                    -- last four signs, so that a person can tell keys apart
  created_at timestamptz NOT NULL,
  revoked_at timestamptz,
  created_by integer                     -- who answers for what is done with it; NULL: not known
);

CREATE TABLE connection (                -- a shop, courier or program that tells us facts
  id integer PRIMARY KEY,
  store_id integer NOT NULL REFERENCES store (id),
  kind text NOT NULL,                    -- a name in runtime.STORES
  name text NOT NULL,
  token text NOT NULL UNIQUE,            -- in its door's address
  settings jsonb NOT NULL DEFAULT '{}',
  secrets bytea NOT NULL,                -- sealed JSON: signing secret, REST keys
  created_at timestamptz NOT NULL,
  paused_at timestamptz,
  removed_at timestamptz
);

CREATE TABLE gateway (
  id integer PRIMARY KEY,
  store_id integer NOT NULL REFERENCES store (id),
  kind text NOT NULL,                    -- a name in runtime.GATEWAYS
  channel text NOT NULL CHECK (channel IN ('sms', 'email')),
  name text NOT NULL,
  settings jsonb NOT NULL DEFAULT '{}',
  secrets bytea NOT NULL,
  rank integer NOT NULL DEFAULT 100,     -- the lowest of a channel is used first
  created_at timestamptz NOT NULL,
  paused_at timestamptz,
  removed_at timestamptz,
  token text NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', '') UNIQUE
                                         -- in the address of its door
);

CREATE TABLE route (                     -- none fits: the gateways of the channel by their rank
  store_id integer NOT NULL REFERENCES store (id),
  id integer NOT NULL,
  rank integer NOT NULL,                 -- the lowest that fits counts
  countries text[] NOT NULL DEFAULT '{}', -- ISO 3166-1 alpha-2; empty: every one
  networks text[] NOT NULL DEFAULT '{}', -- BY/MTS; empty: every one
  classes text[] NOT NULL DEFAULT '{}',  -- service, marketing; empty: both
  gateway_ids integer[] NOT NULL,        -- the first is used, the rest are the failover
  pick text NOT NULL DEFAULT 'order' CHECK (pick IN ('order', 'price', 'delivery')),
  sender text NOT NULL DEFAULT '' CHECK (sender IN ('', 'number', 'name')),
  PRIMARY KEY (store_id, id)
);

CREATE TABLE price_list (
  gateway_id integer PRIMARY KEY REFERENCES gateway (id),
  store_id integer NOT NULL REFERENCES store (id),
  version bigint NOT NULL,               -- another with every import: what is kept in memory is old
  currency text NOT NULL,
  lines integer NOT NULL,
  loaded_at timestamptz NOT NULL
);

CREATE TABLE price (                     -- of one part; replaced whole with its list
  gateway_id integer NOT NULL REFERENCES price_list (gateway_id) ON DELETE CASCADE,
  prefix text NOT NULL,                  -- digits without a plus; empty: the whole country
  country text NOT NULL,
  network text NOT NULL,
  price numeric(12, 6) NOT NULL,
  PRIMARY KEY (gateway_id, prefix, country, network)
);

CREATE TABLE sender_name (
  store_id integer NOT NULL REFERENCES store (id),
  country text NOT NULL,                 -- empty: everywhere else
  gateway_id integer NOT NULL,           -- 0: over every gateway
  sender text NOT NULL,
  state text NOT NULL CHECK (state IN ('ready', 'asked', 'refused')),
  PRIMARY KEY (store_id, country, gateway_id, sender)
);

CREATE TABLE spending_limit (
  store_id integer NOT NULL REFERENCES store (id),
  period text NOT NULL CHECK (period IN ('day', 'month')),
  classes text NOT NULL CHECK (classes IN ('marketing', 'all')),
  currency text NOT NULL,
  amount numeric(14, 2) NOT NULL,
  held_until timestamptz,                -- it is reached: what waits for it goes on then
  PRIMARY KEY (store_id, period, classes, currency)
);

CREATE TABLE automation (                -- what a store made of a recipe; no row: as the recipe says
  store_id integer NOT NULL REFERENCES store (id),
  recipe text NOT NULL,
  is_on boolean NOT NULL,
  version integer NOT NULL,
  steps jsonb NOT NULL DEFAULT '{}',     -- {"s1": {"delay_s": 7200}}, before there were plans
  texts jsonb NOT NULL DEFAULT '{}',     -- {"ru": {"order_paid": {"sms": "…"}}}
  changed_at timestamptz NOT NULL,
  changed_by integer,
  plan jsonb,                            -- rules/automations/journeys.py; NULL: the recipe's own
  is_gone boolean NOT NULL DEFAULT false, -- the store's own one, taken off the list
  PRIMARY KEY (store_id, recipe, version)
);

CREATE TABLE lease (                     -- who does what only one may do; never an advisory lock
  name text PRIMARY KEY,
  owner text NOT NULL,
  until timestamptz NOT NULL
);

CREATE TABLE process_slot (              -- makes ids of two processes differ
  slot integer PRIMARY KEY,
  owner text NOT NULL DEFAULT '',
  until timestamptz NOT NULL DEFAULT '-infinity'
);

CREATE TABLE sync_cursor (               -- how far catch-up by REST has come
  connection_id integer PRIMARY KEY REFERENCES connection (id),
  seen_until timestamptz NOT NULL,
  checked_at timestamptz NOT NULL,
  error text NOT NULL DEFAULT ''
);

CREATE TABLE gateway_state (             -- what a bind last said; written on change, not per message
  gateway_id integer PRIMARY KEY REFERENCES gateway (id),
  state text NOT NULL,                   -- connecting, bound, refused, lost, stopped
  detail text NOT NULL DEFAULT '',
  changed_at timestamptz NOT NULL,
  down_since timestamptz                 -- not bound since then; NULL: it is well
);

CREATE TABLE audit (
  store_id integer NOT NULL,
  id bigint NOT NULL,
  user_id integer,
  at timestamptz NOT NULL,
  action text NOT NULL,                  -- gateway.changed, automation.switched_off …
  subject text NOT NULL DEFAULT '',
  detail jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (store_id, id)
);

-- ---------------------------------------------------------------- people

CREATE TABLE contact (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  phone text,                            -- E.164
  phone_doubt text,                      -- as it came, when it could not be read: a person settles it
  email text,
  name text NOT NULL DEFAULT '',
  language text,
  country text,
  region text,
  zones text[] NOT NULL DEFAULT '{}',    -- every time zone the person may be in
  marketing text NOT NULL DEFAULT 'none'
    CHECK (marketing IN ('none', 'asked', 'in', 'out')), -- asked: a yes that is to be confirmed
  service text NOT NULL DEFAULT 'in' CHECK (service IN ('in', 'out')),
  marketing_at timestamptz,              -- when each was last said: an older word changes nothing
  service_at timestamptz,
  origin text NOT NULL DEFAULT 'order',
  created_at timestamptz NOT NULL,
  orders integer NOT NULL DEFAULT 0,     -- kept as facts come in
  spent numeric(14, 2) NOT NULL DEFAULT 0,
  last_order_at timestamptz,
  city text NOT NULL DEFAULT '',
  sex text NOT NULL DEFAULT '' CHECK (sex IN ('', 'f', 'm')),
  birthday date,
  children date[] NOT NULL DEFAULT '{}', -- their birth dates
  fields jsonb NOT NULL DEFAULT '{}',    -- the shop's own, see own_field
  scopes jsonb NOT NULL DEFAULT '{}',    -- {"topic/loyalty": ["out", "2026-11-22T10:00:00+00:00"]}
  paused_until timestamptz,              -- no marketing until then
  seen_at timestamptz,                   -- last sign of life: order, visit, reply, click; to a day
  origin_note text NOT NULL DEFAULT '',  -- which form, keyword, import, connection
  merged_into bigint,                    -- the same person as this one, who is spoken to instead
  also bigint[] NOT NULL DEFAULT '{}',   -- those that were merged into this one
  ledger_seq integer NOT NULL DEFAULT 0, -- the newest row of this person in consent_event
  ledger_hash text NOT NULL DEFAULT '',
  erased_at timestamptz,
  agreed_phones text[] NOT NULL DEFAULT '{}', -- earlier numbers that a yes was given at
  rekeyed_at timestamptz,                -- when a key was taken from them, see records/scenes.py
  talking_until timestamptz,             -- somebody of the store talks with them: no offers
  PRIMARY KEY (bucket, store_id, id)
) WITH (fillfactor = 85);

CREATE INDEX contact_merged ON contact (bucket, merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX contact_doubtful ON contact (bucket, store_id, id)
  WHERE phone_doubt IS NOT NULL AND phone IS NULL;

CREATE TABLE contact_ref (               -- natural key → contact, in the bucket of the key
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  kind text NOT NULL,                    -- phone, email, account, order, cart, parcel, return
  value text NOT NULL,
  contact_id bigint NOT NULL,            -- its low 7 bits name the contact's bucket
  row_id bigint,                         -- of the order, parcel, return or cart itself
  PRIMARY KEY (bucket, store_id, kind, value)
);

CREATE TABLE consent_event (             -- append-only; rules/consent/ledger.py chains it
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  at timestamptz NOT NULL,
  scope text NOT NULL,                   -- marketing, service, topic/offers, category/shoes
  change text NOT NULL CHECK (change IN ('in', 'out', 'asked', 'paused', 'none')),
                                         -- none: an import was undone, what it allowed is gone,
  source text NOT NULL,                  -- reply, checkout, page, form/3, import/…, api/…
  words text NOT NULL,                   -- what was shown or what the person wrote
  language text NOT NULL DEFAULT '',
  ip text NOT NULL DEFAULT '',
  device text NOT NULL DEFAULT '',
  who text NOT NULL DEFAULT '',          -- salted hash of the number or address, see rules/consent/ledger.py
  seq integer NOT NULL DEFAULT 0,        -- of this person, from 1; 0: before there was a chain
  prev text NOT NULL DEFAULT '',         -- hash of the person's row before
  hash text NOT NULL DEFAULT '',
  until timestamptz,                     -- of a pause
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX consent_event_contact ON consent_event (bucket, contact_id, store_id, id);

CREATE TABLE suppression (               -- survives erasure: refusals by keyed hash
  bucket integer NOT NULL,               -- of suppression/<hash>
  store_id integer NOT NULL,
  hash text NOT NULL,                    -- Scene.keyed("phone/+375…") or ("email/…")
  scope text NOT NULL CHECK (scope IN ('marketing', 'all')),
  reason text NOT NULL,                  -- erased, imported, complaint, by_hand …
  at timestamptz NOT NULL,
  contact_id bigint,                     -- whose proof of consent remains, see consent_event
  PRIMARY KEY (bucket, store_id, hash)
);

-- ---------------------------------------------------------------- what people buy

CREATE TABLE product (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  sku text NOT NULL,
  name text NOT NULL,
  category text NOT NULL DEFAULT '',
  brand text NOT NULL DEFAULT '',
  price numeric(14, 2),
  url text NOT NULL DEFAULT '',
  stock integer,
  changed_at timestamptz NOT NULL,
  key text NOT NULL DEFAULT '',          -- the shop's own id, where links into its cart need it
  new_at timestamptz,                    -- when we first heard of it; NULL: before that was kept
  PRIMARY KEY (bucket, store_id, sku)
);

CREATE TABLE purchase_order (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  key text NOT NULL,                     -- the shop's own id, what events name
  number text NOT NULL,                  -- what the customer sees
  channel text NOT NULL DEFAULT 'web',   -- web, app, social, marketplace …
  state text NOT NULL,                   -- placed, paid, shipped, delivered, cancelled, returned, removed
  placed_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,       -- the shop's own time of the newest snapshot
  paid_at timestamptz,
  cancelled_at timestamptz,
  total numeric(14, 2) NOT NULL DEFAULT 0,
  currency text NOT NULL DEFAULT '',
  country text,
  payment_due boolean NOT NULL DEFAULT false,
  payment_url text NOT NULL DEFAULT '',
  url text NOT NULL DEFAULT '',
  promised_from timestamptz,
  promised_until timestamptz,
  promised_said_at timestamptz,          -- the shop's time of the newest promise
  invoice_number text NOT NULL DEFAULT '',
  invoice_url text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, id)
) WITH (fillfactor = 80);
CREATE INDEX purchase_order_contact ON purchase_order (bucket, contact_id, store_id, id);

CREATE TABLE order_line (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  order_id bigint NOT NULL,
  line integer NOT NULL,
  sku text NOT NULL DEFAULT '',
  name text NOT NULL,
  quantity numeric(12, 3) NOT NULL,
  price numeric(14, 2) NOT NULL,
  category text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, order_id, line)
);
CREATE INDEX order_line_sku ON order_line (bucket, sku, store_id, order_id) WHERE sku <> '';
CREATE INDEX order_line_category ON order_line (bucket, category, store_id, order_id)
  WHERE category <> '';

CREATE TABLE wish (                      -- goods that a person wants to be told of, once (R62)
  bucket integer NOT NULL,               -- of the person
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,            -- the name under which they asked
  sku text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('stock', 'price')), -- is there again; costs less
  state text NOT NULL CHECK (state IN ('waiting', 'granted')),
  asked_at timestamptz NOT NULL,         -- the first who asked is the first to hear
  until timestamptz NOT NULL,            -- later nobody wants to hear it
  price numeric(14, 2),                  -- when they asked; NULL: not known
  times smallint NOT NULL DEFAULT 0,     -- how often it was granted: it may be sold out once more
  granted_at timestamptz,
  told_at timestamptz,                   -- its text was taken for sending
  PRIMARY KEY (bucket, store_id, id),
  UNIQUE (bucket, contact_id, sku, kind, store_id)
);
CREATE INDEX wish_waiting ON wish (bucket, sku, kind, store_id, asked_at, id)
  WHERE state = 'waiting';
CREATE INDEX wish_granted ON wish (bucket, sku, granted_at, store_id) WHERE state = 'granted';

CREATE TABLE parcel (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  order_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  key text NOT NULL,
  number text NOT NULL DEFAULT '',
  carrier text NOT NULL DEFAULT '',
  url text NOT NULL DEFAULT '',
  state text NOT NULL,
  state_at timestamptz NOT NULL,
  pickup_point text NOT NULL DEFAULT '',
  pickup_until timestamptz,
  PRIMARY KEY (bucket, store_id, id)
) WITH (fillfactor = 80);
CREATE INDEX parcel_contact ON parcel (bucket, contact_id, store_id, id);

CREATE TABLE order_return (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  order_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  key text NOT NULL,
  kind text NOT NULL DEFAULT 'return',   -- return, exchange, refund
  state text NOT NULL,                   -- opened, accepted, refused, refunded
  state_at timestamptz NOT NULL,
  amount numeric(14, 2),
  PRIMARY KEY (bucket, store_id, id)
) WITH (fillfactor = 80);
CREATE INDEX order_return_contact ON order_return (bucket, contact_id, store_id, id);

CREATE TABLE cart (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  key text NOT NULL,
  state text NOT NULL,                   -- open, ordered, emptied, moved
  changed_at timestamptz NOT NULL,
  total numeric(14, 2) NOT NULL DEFAULT 0,
  url text NOT NULL DEFAULT '',
  items jsonb NOT NULL DEFAULT '[]',
  PRIMARY KEY (bucket, store_id, id)
) WITH (fillfactor = 80);
CREATE INDEX cart_contact ON cart (bucket, contact_id, store_id, id);

CREATE TABLE visit (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,                    -- made from the visit's own time
  contact_id bigint NOT NULL,
  at timestamptz NOT NULL,
  channel text NOT NULL DEFAULT 'web',
  page text NOT NULL DEFAULT '',
  sku text NOT NULL DEFAULT '',
  category text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX visit_contact ON visit (bucket, contact_id, store_id, id);
CREATE INDEX visit_category ON visit (bucket, category, store_id, at, contact_id, id)
  WHERE category <> '';
CREATE TABLE visit_rest PARTITION OF visit DEFAULT;

-- ---------------------------------------------------------------- hear, answer

CREATE TABLE fact (                      -- written once, never changed
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  connection_id integer NOT NULL,        -- 0: our own (timers, gateways, pages)
  source_key text NOT NULL,              -- what makes the fact itself, in its source's own terms
  kind text NOT NULL,
  at timestamptz NOT NULL,               -- when it happened, as its source says
  heard_at timestamptz NOT NULL,
  body jsonb NOT NULL,
  PRIMARY KEY (bucket, store_id, id),
  UNIQUE (bucket, source_key, connection_id, store_id)
);

CREATE TABLE pending_fact (              -- facts that wait for their answer, and wake-ups to come
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  fact_id bigint NOT NULL,
  due_at timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  error text NOT NULL DEFAULT '',
  waits_for text,                        -- order/42: answered as soon as that order is known
  parked_at timestamptz,
  urgency smallint NOT NULL DEFAULT 0,   -- 0: of the outside; 1: our own timers, which come in crowds
  PRIMARY KEY (bucket, store_id, fact_id)
);
CREATE INDEX pending_fact_due ON pending_fact (bucket, urgency, due_at, fact_id)
  WHERE parked_at IS NULL;
CREATE INDEX pending_fact_waits ON pending_fact (bucket, waits_for, store_id)
  WHERE waits_for IS NOT NULL;
CREATE INDEX pending_fact_parked ON pending_fact (bucket, store_id, parked_at)
  WHERE parked_at IS NOT NULL;

CREATE TABLE enrollment (                -- one run of an automation; its key makes it happen once
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  recipe text NOT NULL,
  subject text NOT NULL,                 -- order/42/paid …: once per store, recipe and subject
  contact_id bigint NOT NULL,
  order_id bigint,
  version integer NOT NULL,
  state text NOT NULL,                   -- running, waiting, done, stopped
  reason text NOT NULL DEFAULT '',
  trigger jsonb NOT NULL,                -- the fact that began it, kept while the run waits
  started_at timestamptz NOT NULL,
  wake_at timestamptz,
  place text NOT NULL DEFAULT '',        -- id of the step at which it stands; '': behind the last
  memory jsonb NOT NULL DEFAULT '{}',    -- heard, answer, code … for later steps
  PRIMARY KEY (bucket, store_id, id),
  UNIQUE (bucket, subject, recipe, store_id)
) WITH (fillfactor = 85);
CREATE INDEX enrollment_contact ON enrollment (bucket, contact_id, store_id, id);
CREATE INDEX enrollment_waiting ON enrollment (bucket, store_id, recipe, place)
  WHERE state = 'waiting';

-- ---------------------------------------------------------------- what the decision remembers

CREATE TABLE touch (                     -- marketing texts that went or may have gone to a person
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  contact_id bigint NOT NULL,
  message_id bigint NOT NULL,
  at timestamptz NOT NULL,               -- when it was taken for sending
  topic text NOT NULL,
  category text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, contact_id, message_id)
);

CREATE TABLE contact_category (          -- what a person buys of and looks at, see contact_figure
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  contact_id bigint NOT NULL,
  category text NOT NULL,
  bought_at timestamptz,                 -- the last time; NULL: only looked
  orders integer NOT NULL,               -- that were not cancelled, returned or removed
  first_at timestamptz,                  -- of these orders
  days integer NOT NULL DEFAULT 0,       -- on so many of the store's days
  visits integer NOT NULL DEFAULT 0,     -- of its pages
  seen_at timestamptz,                   -- the last of them
  spent numeric(14, 2) NOT NULL DEFAULT 0, -- on its goods
  pieces numeric(14, 3) NOT NULL DEFAULT 0,
  PRIMARY KEY (bucket, store_id, contact_id, category)
);
CREATE INDEX contact_category_of ON contact_category (bucket, category, store_id, contact_id);

-- ---------------------------------------------------------------- speak

CREATE TABLE message (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  order_id bigint,
  channel text NOT NULL,                 -- sms, email
  class text NOT NULL,                   -- service, marketing
  topic text NOT NULL,                   -- order, delivery, return, payment, reply, test …
  cause text NOT NULL,                   -- automation, reply, person
  recipe text NOT NULL DEFAULT '',
  enrollment_id bigint,
  gateway_id integer NOT NULL,           -- 0: there was none
  recipient text NOT NULL,               -- phone or e-mail address at that time
  sender text NOT NULL DEFAULT '',
  subject text NOT NULL DEFAULT '',
  body text NOT NULL,
  language text NOT NULL DEFAULT '',
  encoding text NOT NULL DEFAULT '',
  parts smallint NOT NULL DEFAULT 1,
  not_before timestamptz NOT NULL,
  not_after timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  why text NOT NULL,                     -- why it was made, or why there is silence instead
  state text NOT NULL,                   -- rules/messages.py draws the life of a message
  reason text NOT NULL DEFAULT '',
  sent_at timestamptz,
  done_at timestamptz,
  parts_delivered smallint NOT NULL DEFAULT 0,
  parts_failed smallint NOT NULL DEFAULT 0,
  guard text NOT NULL DEFAULT '',        -- rules/steps/send.py: asked again by who takes it
  network text NOT NULL DEFAULT '',      -- BY, or BY/MTS where the operator is known
  cost numeric(14, 6),                   -- expected, all parts; NULL: no price list says
  cost_currency text NOT NULL DEFAULT '',
  attempts smallint NOT NULL DEFAULT 0,  -- how often it was put back to be tried again
  window_until timestamptz,              -- allowed hours end, as the outbox has it
  category text NOT NULL DEFAULT '',     -- what it offers: its gap is kept (R14)
  occasion text NOT NULL DEFAULT '',     -- why now: sale, birthday … (R13)
  own_hours text NOT NULL DEFAULT '',    -- weekdays and part of the day that it wants: rules/consent/hours.py
  campaign_id integer,
  variant smallint NOT NULL DEFAULT 0,   -- of the campaign's texts, from 0
  guard_since timestamptz,               -- of unbought: an order placed since then is one
  place text NOT NULL DEFAULT '',        -- id of the automation's step that says it
  goods text[] NOT NULL DEFAULT '{}',    -- that it names, by sku: where {{ goods.link }} leads
  sku text NOT NULL DEFAULT '',          -- what it is about: in_stock asks for it, {{ link }} leads there
  PRIMARY KEY (bucket, store_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX message_contact ON message (bucket, contact_id, store_id, id);
CREATE TABLE message_rest PARTITION OF message DEFAULT WITH (fillfactor = 50);

CREATE TABLE outbox (                    -- what is still to be said; taking it removes it from here
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  message_id bigint NOT NULL,
  gateway_id integer NOT NULL,
  contact_id bigint NOT NULL,
  order_id bigint,
  urgency smallint NOT NULL,             -- 0 service, 1 marketing: an order never waits for a campaign
  class text NOT NULL,
  topic text NOT NULL,
  guard text NOT NULL DEFAULT '',        -- as the message has it
  due_at timestamptz NOT NULL,
  window_until timestamptz NOT NULL,     -- allowed hours end: later, the decision is asked anew
  not_after timestamptz NOT NULL,
  attempts smallint NOT NULL DEFAULT 0,
  campaign_id integer,                   -- asked before it is taken: may the campaign go on
  PRIMARY KEY (bucket, store_id, message_id)
);
CREATE INDEX outbox_due ON outbox (bucket, gateway_id, urgency, due_at, message_id);
CREATE INDEX outbox_contact ON outbox (bucket, contact_id);

CREATE TABLE submission (                -- the mark before the wire: what was taken and has no outcome
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  gateway_id integer NOT NULL,
  id bigint NOT NULL,
  bind smallint NOT NULL,                -- which of the gateway's binds took it
  owner text NOT NULL,
  lease_until timestamptz NOT NULL,
  message_ids bigint[] NOT NULL,
  PRIMARY KEY (bucket, store_id, gateway_id, id)
);
-- Rewritten with every batch of answers: compressing it was a tenth of what PostgreSQL spent.
ALTER TABLE submission ALTER COLUMN message_ids SET STORAGE EXTERNAL;

CREATE TABLE provider_ref (              -- receipt map, in the bucket of gateway + provider id
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  gateway_id integer NOT NULL,
  provider_id text NOT NULL,
  message_id bigint NOT NULL,
  part smallint NOT NULL,
  PRIMARY KEY (bucket, store_id, gateway_id, provider_id)
);

CREATE TABLE receipt (                   -- as they came; message holds what they add up to
  bucket integer NOT NULL,               -- of the message; of the provider id while unmatched
  store_id integer NOT NULL,
  message_id bigint NOT NULL,            -- 0 while no message is known for it
  gateway_id integer NOT NULL,
  provider_id text NOT NULL,
  part smallint NOT NULL DEFAULT 0,
  state text NOT NULL,
  error text NOT NULL DEFAULT '',
  at timestamptz,
  heard_at timestamptz NOT NULL,
  PRIMARY KEY (bucket, store_id, message_id, gateway_id, provider_id, state)
);

CREATE TABLE wire (                      -- what was said and heard of a message, where a gateway keeps it
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  message_id bigint NOT NULL,
  id bigint NOT NULL,
  gateway_id integer NOT NULL,
  at timestamptz NOT NULL,
  direction text NOT NULL CHECK (direction IN ('out', 'in')),
  what text NOT NULL,                    -- submit_sm, submit_sm_resp, deliver_sm, POST, 200 …
  octets bytea NOT NULL,
  PRIMARY KEY (bucket, store_id, message_id, id)
);

CREATE TABLE inbound (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  gateway_id integer NOT NULL,
  sender text NOT NULL,
  recipient text NOT NULL DEFAULT '',
  body text NOT NULL,
  at timestamptz NOT NULL,
  intent text NOT NULL,
  value text NOT NULL DEFAULT '',        -- the number, score or word in it
  handled text NOT NULL DEFAULT '',      -- what answered it; empty: a person is to
  read_as text NOT NULL DEFAULT '',      -- what it was taken for before somebody put it right
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX inbound_contact ON inbound (bucket, contact_id, store_id, id);

CREATE TABLE counter (                   -- roll-ups per hour, added per batch, summed on read
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  hour timestamptz NOT NULL,
  name text NOT NULL,                    -- facts, sent, delivered, undelivered, failed, stops …
  n bigint NOT NULL,
  PRIMARY KEY (bucket, store_id, hour, name)
) WITH (fillfactor = 75);

CREATE TABLE spending (                  -- roll-up per day of the store's own zone, added per batch
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  day date NOT NULL,
  class text NOT NULL,
  currency text NOT NULL,
  micros bigint NOT NULL,                -- millionths: exact, and added without rounding
  PRIMARY KEY (bucket, store_id, day, class, currency)
) WITH (fillfactor = 75);

-- ---------------------------------------------------------------- finding people

CREATE TABLE contact_search (            -- rules/people/searching.py makes it, records/people/search.py asks it
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  contact_id bigint NOT NULL,
  digits text NOT NULL,                  -- of the number, without a plus
  signs tsvector NOT NULL,               -- each begins with the store, so that one index holds all
  PRIMARY KEY (bucket, store_id, contact_id)
);
-- No bucket in it: an inverted index has no columns to begin with. What waits to be sorted into it
-- is read by every search, so little may wait.
CREATE INDEX contact_search_signs ON contact_search USING gin (signs)
  WITH (gin_pending_list_limit = 1024);
CREATE INDEX purchase_order_number ON purchase_order (
  bucket, (regexp_replace(lower(number), '^[^0-9]+(?=[0-9])', '')) text_pattern_ops, contact_id,
  store_id);

CREATE TABLE search_fill (               -- people whom a worker has still to make findable
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  next_before bigint NOT NULL,           -- the newest first
  down_to bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (bucket, store_id)
);

-- ---------------------------------------------------------------- virtual phones

CREATE TABLE sandbox_text (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  gateway_id integer NOT NULL,
  phone text NOT NULL,                   -- of the pretend customer
  direction text NOT NULL CHECK (direction IN ('to_phone', 'from_phone')),
  shop_number text NOT NULL DEFAULT '',  -- the other end
  body text NOT NULL,
  at timestamptz NOT NULL,
  handed_over boolean NOT NULL,          -- from_phone: the gateway has acknowledged it
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX sandbox_text_phone ON sandbox_text (bucket, phone, store_id, id);
CREATE INDEX sandbox_text_waiting ON sandbox_text (bucket, gateway_id)
  WHERE direction = 'from_phone' AND NOT handed_over;

-- ---------------------------------------------------------------- the ledger as evidence

CREATE TABLE consent_seal (              -- over rows of consent_event in order of id; append-only
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  seq integer NOT NULL,                  -- of this bucket, from 1
  first_id bigint NOT NULL,
  last_id bigint NOT NULL,
  rows integer NOT NULL,
  digest text NOT NULL,                  -- over their ids and hashes, see rules/consent/seals.py
  prev text NOT NULL,                    -- hash of the seal before
  hash text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (bucket, store_id, seq)
);

CREATE TABLE consent_check (             -- what the last look at the whole ledger found
  store_id integer PRIMARY KEY REFERENCES store (id),
  asked_at timestamptz,                  -- a person wants one now
  checked_at timestamptz,
  rows bigint NOT NULL DEFAULT 0,
  people bigint NOT NULL DEFAULT 0,
  seals bigint NOT NULL DEFAULT 0,
  fingerprint text NOT NULL DEFAULT '',  -- of all seals
  broken text NOT NULL DEFAULT ''        -- the first broken place; empty: all is well
);

CREATE TABLE consent_question (          -- asked by text: is this number yours, do you still want it
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  contact_id bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('confirm', 'still')),
  state text NOT NULL CHECK (state IN ('open', 'yes', 'silence', 'unreached')),
  asked integer NOT NULL,                -- how often without an answer
  asked_at timestamptz,
  until timestamptz NOT NULL,            -- an answer counts before this
  message_id bigint,
  about jsonb NOT NULL DEFAULT '{}',     -- by scope the seq of the ledger's row that it is about
  words text NOT NULL DEFAULT '',        -- in which it was asked
  PRIMARY KEY (bucket, store_id, contact_id, kind)
);
CREATE INDEX consent_question_open ON consent_question (bucket, until) WHERE state = 'open';

SELECT ringdove_append_only('consent_event');
SELECT ringdove_append_only('consent_seal');

-- ---------------------------------------------------------------- erasure

CREATE INDEX suppression_newest ON suppression (bucket, at, hash, store_id);

CREATE TABLE erasure (                   -- of one person; says how far it has come, and what it did
  bucket integer NOT NULL,               -- of the contact
  store_id integer NOT NULL,
  contact_id bigint NOT NULL,
  people bigint[] NOT NULL,              -- this one, and who was merged into them
  scope text NOT NULL CHECK (scope IN ('marketing', 'all')),
  asked_at timestamptz NOT NULL,
  asked_by text NOT NULL,                -- page/<name>, api/<key's name>, retention
  ask_key text NOT NULL DEFAULT '',      -- of the program that asked: the same again is one
  state text NOT NULL CHECK (state IN ('keys', 'facts', 'late', 'done')),
  next_bucket integer NOT NULL DEFAULT 0, -- of the store's buckets, from 0
  due_at timestamptz NOT NULL,
  known jsonb NOT NULL DEFAULT '{}',     -- what is still looked for; emptied with the last look
  counts jsonb NOT NULL DEFAULT '{}',    -- by kind of data, how much went
  done_at timestamptz,
  PRIMARY KEY (bucket, store_id, contact_id)
);
CREATE INDEX erasure_due ON erasure (bucket, due_at) WHERE state <> 'done';

CREATE TABLE erased_key (                -- orders, carts, accounts of the erased, by keyed hash:
  bucket integer NOT NULL,               -- what a shop still tells of them is forgotten
  store_id integer NOT NULL,
  hash text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (bucket, store_id, hash)
);

-- ---------------------------------------------------------------- lists of people

CREATE TABLE people_import (             -- a file of people on its way in
  bucket integer NOT NULL,               -- one of the store's, see records/lists/imports.py
  store_id integer NOT NULL,
  id bigint NOT NULL,
  name text NOT NULL,                    -- of the file
  octets bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('mapping', 'checking', 'checked', 'running', 'paused',
    'done', 'cancelled', 'undoing', 'undone', 'failed')),
  plan jsonb NOT NULL,                   -- rules/people_files.Plan
  user_id integer,
  created_at timestamptz NOT NULL,
  began_at timestamptz,                  -- of the leg that runs: its speed is counted from here
  began_row integer NOT NULL DEFAULT 0,
  done_at timestamptz,
  row_at integer NOT NULL DEFAULT 0,     -- rows of the file that are done with
  row_count integer NOT NULL DEFAULT 0,  -- rows of the file, once they were counted
  counts jsonb NOT NULL DEFAULT '{}',    -- what became of the rows so far
  forecast jsonb NOT NULL DEFAULT '{}',  -- what the check counted
  error text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, id)
);

CREATE TABLE people_import_piece (       -- the file itself, until it cannot be undone any more
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  import_id bigint NOT NULL,
  n integer NOT NULL,
  octets bytea NOT NULL,
  PRIMARY KEY (bucket, store_id, import_id, n)
);

CREATE TABLE people_import_reject (      -- rows that were not taken, as they came
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  import_id bigint NOT NULL,
  line integer NOT NULL,
  reason text NOT NULL,
  cells jsonb NOT NULL,
  PRIMARY KEY (bucket, store_id, import_id, line)
);

CREATE TABLE people_import_touch (       -- what an import made or changed, to be undone
  bucket integer NOT NULL,               -- of the contact
  store_id integer NOT NULL,
  import_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  mark bigint,                           -- of the row that was made; another: changed since
  before jsonb,                          -- what was changed: as it was; NULL: made by the import
  after jsonb,                           -- and as it became
  refs jsonb,                            -- natural keys that came with it
  allowed jsonb,                         -- {"marketing": when}: what it let in
  PRIMARY KEY (bucket, store_id, import_id, contact_id)
);
CREATE INDEX people_import_due ON people_import (bucket, state, id, store_id)
  WHERE state IN ('checking', 'running', 'undoing');

-- ---------------------------------------------------------------- ways in

CREATE TABLE sign_up_form (
  store_id integer NOT NULL REFERENCES store (id),
  id integer NOT NULL,
  token text NOT NULL UNIQUE,            -- in its address: /join/<token>
  name text NOT NULL,
  settings jsonb NOT NULL DEFAULT '{}',  -- rules/consent/ways_in.py reads it
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  published_at timestamptz,
  retired_at timestamptz,
  PRIMARY KEY (store_id, id)
);

CREATE TABLE keyword (                   -- a word by text that subscribes
  store_id integer NOT NULL REFERENCES store (id),
  word text NOT NULL,                    -- folded, see rules/consent/ways_in.py:fold
  shown text NOT NULL,                   -- as its poster has it
  form_id integer NOT NULL,
  language text NOT NULL,                -- of the poster
  offer text NOT NULL DEFAULT '',        -- what the poster promises, in large letters
  created_at timestamptz NOT NULL,
  PRIMARY KEY (store_id, word)
);

CREATE TABLE reward (
  store_id integer NOT NULL REFERENCES store (id),
  id integer NOT NULL,
  token text NOT NULL UNIQUE,            -- of its page, for who comes without a link of their own
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('code', 'points', 'page')),
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL,
  retired_at timestamptz,
  PRIMARY KEY (store_id, id)
);

CREATE TABLE welcome (                   -- of a number, once for ever: it survives erasure
  bucket integer NOT NULL,               -- of phone/<number>
  store_id integer NOT NULL,
  hash text NOT NULL,                    -- Scene.keyed("welcome/phone/+375…")
  contact_id bigint NOT NULL,            -- 0: erased
  form_id integer NOT NULL,              -- by which they came last; 0: by none
  asked_at timestamptz,                  -- a yes that waits for the number's own word
  welcomed_at timestamptz,
  reward_id integer NOT NULL DEFAULT 0,
  given_at timestamptz,
  PRIMARY KEY (bucket, store_id, hash)
);

CREATE TABLE reward_given (              -- to a person, in their bucket
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  reward_id integer NOT NULL,
  at timestamptz NOT NULL,
  code text NOT NULL DEFAULT '',
  points integer NOT NULL DEFAULT 0,     -- owed; the ledger of points takes them over
  valid_until timestamptz,
  opened_at timestamptz,                 -- when its link was first opened as it must be
  is_welcome boolean NOT NULL DEFAULT true,  -- false: an offer's, however often
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX reward_given_contact ON reward_given (bucket, contact_id, store_id, id);

CREATE TABLE promo_code (                -- given ones, in the bucket of code/<code>
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  code text NOT NULL,
  reward_id integer NOT NULL,
  contact_id bigint,                     -- NULL: its person was erased
  given_at timestamptz NOT NULL,
  valid_until timestamptz,
  used_at timestamptz,
  used_order text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, code)
);

CREATE TABLE free_code (                 -- imported and not given yet; giving removes it from here
  bucket integer NOT NULL,               -- of reward/<id>
  store_id integer NOT NULL,
  reward_id integer NOT NULL,
  code text NOT NULL,
  shop text NOT NULL DEFAULT 'knows',    -- waiting: the shop must learn it first; failed
  shop_said text NOT NULL DEFAULT '',    -- why it failed
  PRIMARY KEY (bucket, store_id, reward_id, code)
);
CREATE INDEX free_code_waiting ON free_code (bucket, reward_id, store_id) WHERE shop <> 'knows';

CREATE TABLE way_count (                 -- how many came through each way in; added per batch
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  name text NOT NULL,                    -- form/3/seen, keyword/SALE/signed, reward/2/given …
  n bigint NOT NULL,
  PRIMARY KEY (bucket, store_id, name)
) WITH (fillfactor = 75);

-- ---------------------------------------------------------------- one person

CREATE TABLE contact_merge (             -- two contacts were found to be one person; undone for a day
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,            -- who stays
  other_id bigint NOT NULL,
  at timestamptz NOT NULL,
  by text NOT NULL DEFAULT '',           -- page/Anna, api/till
  before jsonb NOT NULL,                 -- what both were, see rules/people/merging.py
  parted_at timestamptz,
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX contact_merge_contact ON contact_merge (bucket, contact_id, store_id, id);

CREATE TABLE own_field (                 -- what a store keeps of its customers beside the usual
  store_id integer NOT NULL REFERENCES store (id),
  key text NOT NULL,
  title text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('text', 'number', 'date', 'yes_no', 'choice')),
  choices text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL,
  retired_at timestamptz,
  PRIMARY KEY (store_id, key)
);

-- ---------------------------------------------------------------- how long data is kept

CREATE TABLE retention_mark (            -- what is emptied and stays: all before this is done
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  kind text NOT NULL,                    -- messages, inbound, carts
  done_before bigint NOT NULL,           -- an id: ids carry their time
  PRIMARY KEY (bucket, store_id, kind)
);

-- ---------------------------------------------------------------- what is kept per person

-- A row for each living person, whatever they did; none for who was merged into another (theirs
-- counts all that both did) or erased. records/segments/figures.py keeps it in the transaction that answers
-- a fact. Orders: those that were not cancelled, returned or removed.
CREATE TABLE contact_figure (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  contact_id bigint NOT NULL,
  orders integer NOT NULL DEFAULT 0,
  days integer NOT NULL DEFAULT 0,       -- of the store on which they were placed
  visits integer NOT NULL DEFAULT 0,
  own_hour smallint,                     -- 0 to 23 by the store's clock; NULL: the shop's own
  first_order_at timestamptz,
  last_order_at timestamptz,
  visited_at timestamptz,                -- the last time
  cart_at timestamptz,                   -- last change of the cart that waits; NULL: none does
  spent numeric(14, 2) NOT NULL DEFAULT 0, -- in the store's currency: others cannot be added
  cart_total numeric(14, 2),
  hours bytea NOT NULL DEFAULT '',       -- visits by hour of the store's clock: 24 counts, 255 most
  PRIMARY KEY (bucket, store_id, contact_id)
) WITH (fillfactor = 85);

CREATE TABLE figure_fill (               -- people whom a worker has still to count
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  next_before bigint NOT NULL,           -- the newest first
  down_to bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (bucket, store_id)
);

CREATE TABLE rhythm (                    -- how often people buy, learnt once a day
  store_id integer NOT NULL REFERENCES store (id),
  category text NOT NULL,                -- "": of the whole shop
  people integer NOT NULL,               -- who bought on two days at least: what was learnt from
  gap_days double precision NOT NULL,    -- usual, between two days of buying
  weight double precision NOT NULL,      -- as many gaps of one's own say as much as it
  spent numeric(14, 2) NOT NULL,         -- by a buyer on average
  learnt_at timestamptz NOT NULL,
  PRIMARY KEY (store_id, category)
);

CREATE TABLE goods_list (                -- which goods to name, learnt once a day
  bucket integer NOT NULL,               -- of goods/<about>
  store_id integer NOT NULL,
  about text NOT NULL,                   -- after/<sku>, after_kind/<category>, like/<sku> …
  goods jsonb NOT NULL,                  -- [[sku, chance], …], the best first: rules/goods/
  learnt_at timestamptz NOT NULL,
  PRIMARY KEY (bucket, store_id, about)
);
CREATE INDEX product_new ON product (bucket, category, store_id, new_at)
  WHERE new_at IS NOT NULL;

CREATE TABLE goods_learnt (              -- when, and from how much
  store_id integer PRIMARY KEY REFERENCES store (id),
  learnt_at timestamptz NOT NULL,
  goods integer NOT NULL,                -- that are sold
  buyers bigint NOT NULL,                -- first purchases that were counted
  lists integer NOT NULL
);

-- ---------------------------------------------------------------- offers

CREATE TABLE offer_use (                 -- an order that was paid with an offer's code
  bucket integer NOT NULL,               -- of the order and its person
  store_id integer NOT NULL,
  reward_id integer NOT NULL,
  order_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  code text NOT NULL,
  at timestamptz NOT NULL,
  freed_at timestamptz,                  -- cancelled: it counts no more
  PRIMARY KEY (bucket, store_id, reward_id, order_id)
);
CREATE INDEX offer_use_contact ON offer_use (bucket, contact_id, store_id);

-- ---------------------------------------------------------------- segments

CREATE TABLE segment (
  store_id integer NOT NULL REFERENCES store (id),
  id integer NOT NULL,
  name text NOT NULL,
  tree jsonb NOT NULL,                   -- rules/segments/segments.py reads it
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  changed_by integer,
  retired_at timestamptz,
  PRIMARY KEY (store_id, id)
);

CREATE TABLE segment_size (              -- as it was counted last, for the list of segments
  bucket integer NOT NULL,               -- the first of the store's
  store_id integer NOT NULL,
  segment_id integer NOT NULL,
  people integer NOT NULL,
  is_whole boolean NOT NULL,             -- false: at least so many, the time was up
  counted_at timestamptz NOT NULL,
  PRIMARY KEY (bucket, store_id, segment_id)
);

-- ---------------------------------------------------------------- campaigns

CREATE TABLE campaign (
  store_id integer NOT NULL REFERENCES store (id),
  id integer NOT NULL,
  name text NOT NULL,
  state text NOT NULL,                   -- rules/campaigns/campaigns.py draws the life of a campaign
  reason text NOT NULL DEFAULT '',       -- why it was paused or ended
  plan jsonb NOT NULL,                   -- rules/campaigns.Plan
  version integer NOT NULL DEFAULT 1,    -- another with every change of the plan
  created_at timestamptz NOT NULL,
  created_by integer,
  changed_at timestamptz NOT NULL,
  approved_at timestamptz,
  approved_by integer,
  approved_version integer,              -- what was approved; a later change is to be approved anew
  begin_at timestamptz,                  -- when its people are to be gathered
  began_at timestamptz,                  -- the clock of its decisions: who came later is not in it
  ended_at timestamptz,
  changed_by integer,                    -- NULL: a program
  asked_by integer,                      -- for approval
  copied_from integer,
  made_key text,                         -- of a program: the same key is the same campaign
  tries integer NOT NULL DEFAULT 0,      -- in a row that wrote nothing: records/campaigns/campaign_tries.py
  tried_at timestamptz,                  -- when the last one began
  trouble text NOT NULL DEFAULT '',      -- what stopped it
  PRIMARY KEY (store_id, id)
);
CREATE UNIQUE INDEX campaign_made ON campaign (store_id, made_key);

CREATE TABLE campaign_run (              -- how far a campaign has come in a bucket: its checkpoint
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  campaign_id integer NOT NULL,
  version integer NOT NULL,              -- of the plan by which it goes on
  next_id bigint NOT NULL DEFAULT 0,     -- people before this one are done with
  is_done boolean NOT NULL DEFAULT false,
  first_message bigint,                  -- the ids of its messages lie between these
  last_message bigint,
  counts jsonb NOT NULL DEFAULT '{}',    -- what became of the people so far, by variant and reason
  changed_at timestamptz NOT NULL,
  total integer NOT NULL DEFAULT 0,      -- people of the bucket when it began
  remade_id bigint NOT NULL DEFAULT 0,   -- waiting texts before this one have the words of `version`
  is_held boolean NOT NULL DEFAULT false, -- paused: what waits is due a hundred years later
  is_taken_back boolean NOT NULL DEFAULT false, -- it was ended, and nothing waits any more
  PRIMARY KEY (bucket, store_id, campaign_id)
);

CREATE TABLE rehearsal (                 -- what a campaign would do: made by a worker, shown by pages
  bucket integer NOT NULL,               -- of campaign/<id>
  store_id integer NOT NULL,
  campaign_id integer NOT NULL,
  version integer NOT NULL,              -- of the plan that was rehearsed
  clock timestamptz NOT NULL,            -- when it would have begun
  asked_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('asked', 'running', 'done', 'failed')),
  seen integer NOT NULL DEFAULT 0,       -- people looked at so far
  result jsonb NOT NULL DEFAULT '{}',
  error text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, campaign_id)
);

-- ---------------------------------------------------------------- links

CREATE TABLE link_click (
  bucket integer NOT NULL,               -- of the message
  store_id integer NOT NULL,
  id bigint NOT NULL,
  message_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  number smallint NOT NULL,              -- which of the message's links, from 0
  at timestamptz NOT NULL,
  kind text NOT NULL CHECK (kind IN ('person', 'robot', 'preview')),
  device text NOT NULL DEFAULT '',       -- phone, tablet, desktop
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX link_click_message ON link_click (bucket, message_id, store_id);
CREATE INDEX link_click_contact ON link_click (bucket, contact_id, store_id, id);

-- ---------------------------------------------------------------- calendar

CREATE TABLE own_date (                   -- days of the store's own calendar
  store_id integer NOT NULL REFERENCES store (id),
  id integer NOT NULL,
  name text NOT NULL,
  day date NOT NULL,
  yearly boolean NOT NULL,
  PRIMARY KEY (store_id, id)
);

-- ---------------------------------------------------------------- triggers

CREATE TABLE trigger_mark (              -- how far a bucket was told an automation's times
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  recipe text NOT NULL,
  since timestamptz NOT NULL,            -- of these times it counts from here: another one begins anew
  until timestamptz NOT NULL,            -- all that came before is told
  PRIMARY KEY (bucket, store_id, recipe)
);

CREATE TABLE automation_member (         -- who is in the segment whose entering begins an automation
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  recipe text NOT NULL,
  contact_id bigint NOT NULL,
  PRIMARY KEY (bucket, store_id, recipe, contact_id)
);

-- ---------------------------------------------------------------- tasks

CREATE TABLE task (                      -- what somebody of the store is to do
  bucket integer NOT NULL,               -- of the contact; without one, the first of the store's
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint,
  order_id bigint,
  recipe text NOT NULL DEFAULT '',       -- the automation that asked for it
  enrollment_id bigint,
  said text NOT NULL,                    -- what is to be done
  owner integer,                         -- of app_user; NULL: whoever
  due_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL DEFAULT '',   -- page/Anna, api/till; empty: an automation
  done_at timestamptz,
  done_by text NOT NULL DEFAULT '',      -- page/Anna, api/till, webhook
  result text NOT NULL DEFAULT ''
    CHECK (result IN ('', 'done', 'failed', 'not_needed', 'told', 'erased')),
  note text NOT NULL DEFAULT '',
  tell text NOT NULL DEFAULT 'task'
    CHECK (tell IN ('task', 'person', 'text', 'webhook')), -- the list; and by e-mail, SMS, POST
  tell_at timestamptz,                   -- when to try next; NULL: told, given up or nobody to tell
  tell_tries smallint NOT NULL DEFAULT 0,
  told_at timestamptz,
  trouble text NOT NULL DEFAULT '',      -- why it could not be told
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX task_open ON task (bucket, due_at, store_id, id) WHERE done_at IS NULL;
CREATE INDEX task_done ON task (bucket, done_at, store_id, id) WHERE done_at IS NOT NULL;
CREATE INDEX task_contact ON task (bucket, contact_id, store_id, id);
CREATE INDEX task_untold ON task (bucket, tell_at) WHERE tell_at IS NOT NULL;

CREATE TABLE order_call (                -- a customer was called about an order (R116)
  bucket integer NOT NULL,               -- of the order
  store_id integer NOT NULL,
  id bigint NOT NULL,
  order_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  at timestamptz NOT NULL,
  by text NOT NULL,                      -- page/Anna, api/till
  result text NOT NULL CHECK (result IN
    ('confirmed', 'changed', 'cancelled', 'no_answer', 'call_again', 'wrong_number')),
  note text NOT NULL DEFAULT '',
  again_at timestamptz,                  -- not before, when it is to be tried once more
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX order_call_order ON order_call (bucket, order_id, store_id, id);
CREATE INDEX order_call_contact ON order_call (bucket, contact_id, store_id, id);

CREATE TABLE alert_address (             -- the store's own program that alerts are told
  store_id integer PRIMARY KEY REFERENCES store (id),
  url text NOT NULL,
  secret bytea NOT NULL,                 -- sealed; signs what is told
  changed_at timestamptz NOT NULL
);

-- ---------------------------------------------------------------- what automations would have done

CREATE TABLE automation_rehearsal (      -- what an automation would have done: made by a worker
  bucket integer NOT NULL,               -- of automation/<recipe>
  store_id integer NOT NULL,
  recipe text NOT NULL,
  version integer NOT NULL,              -- that was rehearsed
  since timestamptz NOT NULL,            -- over the facts of this time
  until timestamptz NOT NULL,
  asked_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('asked', 'running', 'done', 'failed')),
  seen integer NOT NULL DEFAULT 0,       -- facts gone through so far
  of_all integer NOT NULL DEFAULT 0,     -- facts in all; 0 while they are gathered
  result jsonb NOT NULL DEFAULT '{}',
  error text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, recipe)
);

-- ---------------------------------------------------------------- conversations

CREATE TABLE conversation (              -- of a person with the store, by text; one a person
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  contact_id bigint NOT NULL,
  state text NOT NULL DEFAULT 'closed'
    CHECK (state IN ('open', 'snoozed', 'closed')), -- open: somebody is to look
  owner integer,                         -- of app_user; NULL: whoever
  snoozed_until timestamptz,
  waiting_since timestamptz,             -- they wait for an answer of a person since then
  unread integer NOT NULL DEFAULT 0,     -- their texts since somebody last looked
  last_at timestamptz NOT NULL,          -- of the last text, whoever's
  last_by text NOT NULL DEFAULT 'them' CHECK (last_by IN ('them', 'us', 'machine')),
  last_said text NOT NULL DEFAULT '',    -- its first letters
  intent text NOT NULL DEFAULT '',       -- what their last text was understood as
  asking jsonb NOT NULL DEFAULT '{}',    -- what a machine asked of them: which order …
  machine_day date,                      -- answers by themselves on this day: no endless loops
  machine_said integer NOT NULL DEFAULT 0,
  typing_by text NOT NULL DEFAULT '',    -- who of the store writes an answer right now
  typing_until timestamptz,
  new_since timestamptz,                 -- opened then, and not answered by a person yet
  PRIMARY KEY (bucket, store_id, contact_id)
);
CREATE INDEX conversation_state
  ON conversation (bucket, state, (waiting_since IS NULL), last_at DESC, store_id);
CREATE INDEX conversation_waiting ON conversation (bucket, waiting_since, store_id)
  WHERE state = 'open' AND waiting_since IS NOT NULL;
CREATE INDEX conversation_owner ON conversation (bucket, owner, last_at DESC, store_id)
  WHERE owner IS NOT NULL AND state <> 'closed';
CREATE INDEX conversation_unread ON conversation (bucket, contact_id, store_id) WHERE unread > 0;
CREATE INDEX conversation_snoozed ON conversation (bucket, snoozed_until)
  WHERE state = 'snoozed';

CREATE TABLE conversation_note (         -- what colleagues tell each other beside the talk
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  at timestamptz NOT NULL,
  by text NOT NULL,                      -- page/Anna, api/till
  body text NOT NULL,
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX conversation_note_contact ON conversation_note (bucket, contact_id, store_id, id);

CREATE TABLE canned_answer (             -- an answer that is written once and said often
  store_id integer NOT NULL REFERENCES store (id),
  id integer NOT NULL,
  title text NOT NULL,
  shortcut text NOT NULL DEFAULT '',     -- typed after / it stands in the answer; empty: none
  texts jsonb NOT NULL,                  -- by language; Liquid
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (store_id, id)
);
CREATE UNIQUE INDEX canned_answer_shortcut ON canned_answer (store_id, shortcut)
  WHERE shortcut <> '';

-- ---------------------------------------------------------------- surveys, opinions

CREATE TABLE survey (                    -- what a store made of a ready one, or its own
  store_id integer NOT NULL REFERENCES store (id),
  key text NOT NULL,
  settings jsonb NOT NULL DEFAULT '{}',  -- rules/surveys/surveys.py reads it
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  retired_at timestamptz,
  PRIMARY KEY (store_id, key)
);

CREATE TABLE survey_answer (             -- one asking of one person, answered or not
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  survey text NOT NULL,
  asked_at timestamptz NOT NULL,
  until timestamptz NOT NULL,            -- a text before this can be its answer
  order_id bigint,
  message_id bigint,
  enrollment_id bigint,
  after_id bigint,                       -- a second question: the answer that it follows
  sku text NOT NULL DEFAULT '',
  carrier text NOT NULL DEFAULT '',
  pickup_point text NOT NULL DEFAULT '',
  language text NOT NULL DEFAULT '',
  re_asked_at timestamptz,
  answered_at timestamptz,
  way text NOT NULL DEFAULT '' CHECK (way IN ('', 'reply', 'link', 'api', 'page')),
  score integer,
  reason text NOT NULL DEFAULT '',       -- delivery, offer, service …
  comment text NOT NULL DEFAULT '',
  answers jsonb NOT NULL DEFAULT '{}',   -- of further questions, by id
  rewarded_at timestamptz,
  may_publish boolean NOT NULL DEFAULT false,
  shown_as text NOT NULL DEFAULT '',
  published text NOT NULL DEFAULT '' CHECK (published IN ('', 'shown', 'hidden')),
  published_at timestamptz,              -- when that was decided
  published_by text NOT NULL DEFAULT '',
  shop_reply text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX survey_answer_contact ON survey_answer (bucket, contact_id, store_id, id);
CREATE INDEX survey_answer_asked ON survey_answer (bucket, survey, asked_at, store_id);
CREATE INDEX survey_answer_answered ON survey_answer (bucket, answered_at, store_id)
  WHERE answered_at IS NOT NULL;
CREATE INDEX survey_answer_survey ON survey_answer (bucket, survey, answered_at, store_id)
  WHERE answered_at IS NOT NULL;
CREATE INDEX survey_answer_goods ON survey_answer (bucket, sku, survey, answered_at, store_id)
  WHERE answered_at IS NOT NULL AND sku <> '';
CREATE INDEX survey_answer_opinion ON survey_answer (bucket, survey, answered_at, store_id)
  WHERE may_publish;

-- ---------------------------------------------------------------- friends

CREATE TABLE friend_invitation (         -- a number that a customer invited, once for ever
  bucket integer NOT NULL,               -- of friend/<hash>
  store_id integer NOT NULL,
  hash text NOT NULL,                    -- Scene.keyed("phone/+375…"), as in suppression
  id bigint NOT NULL,
  inviter_id bigint NOT NULL,            -- the customer, under whichever of their names
  way text NOT NULL CHECK (way IN ('text', 'link')),
  at timestamptz NOT NULL,
  ip_hash text NOT NULL DEFAULT '',      -- whence, to count; emptied after a day
  friend_id bigint,                      -- whom the text was written for alone; NULL: nobody, or forgotten
  refused_at timestamptz,
  bought_at timestamptz,
  order_id bigint,                       -- that was paid, and for which both are thanked
  PRIMARY KEY (bucket, store_id, hash)
);
CREATE INDEX friend_invitation_id ON friend_invitation (bucket, id);
CREATE INDEX friend_invitation_at ON friend_invitation (bucket, at, store_id);
CREATE INDEX friend_invitation_inviter ON friend_invitation (bucket, inviter_id, store_id, at);
CREATE INDEX friend_invitation_friend ON friend_invitation (bucket, at)
  WHERE friend_id IS NOT NULL;

-- Complaints.
CREATE TABLE complaint (                 -- what went wrong for somebody (R71)
  bucket integer NOT NULL,               -- of the contact
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  order_id bigint,
  number text NOT NULL,                  -- what they are told
  state text NOT NULL
    CHECK (state IN ('opened', 'answered', 'accepted', 'refused', 'closed')),
  opened_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,           -- to be answered until then
  reason text NOT NULL DEFAULT '',       -- rules/complaints/complaints.py
  said text NOT NULL DEFAULT '',         -- by them, as it was opened
  note text NOT NULL DEFAULT '',         -- what they were told last
  opened_by text NOT NULL DEFAULT '',    -- text, shop, page/Anna, api/till
  owner integer,                         -- of app_user; NULL: whoever
  closed_at timestamptz,
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX complaint_contact ON complaint (bucket, contact_id, store_id, id);
CREATE INDEX complaint_state ON complaint (bucket, state, changed_at, store_id, id);
CREATE INDEX complaint_changed ON complaint (bucket, changed_at, store_id, id);
CREATE INDEX complaint_due ON complaint (bucket, due_at, store_id, id) WHERE state = 'opened';
CREATE TABLE complaint_move (            -- its history
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  complaint_id bigint NOT NULL,
  at timestamptz NOT NULL,
  by text NOT NULL,                      -- text, shop, page/Anna, api/till
  state text NOT NULL DEFAULT '',        -- that it came to; empty: as it was
  said text NOT NULL DEFAULT '',         -- to the customer; by them, where `by` is text
  note text NOT NULL DEFAULT '',         -- among colleagues
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX complaint_move_of ON complaint_move (bucket, complaint_id, store_id, id);
CREATE INDEX complaint_move_contact ON complaint_move (bucket, contact_id, store_id, at, id);

-- ---------------------------------------------------------------- contests

CREATE TABLE contest (                   -- who texts a word within a time may win
  store_id integer NOT NULL REFERENCES store (id),
  id integer NOT NULL,
  token text NOT NULL UNIQUE,            -- in its address: /win/<token>
  name text NOT NULL,
  settings jsonb NOT NULL DEFAULT '{}',  -- rules/contests/contests.py reads it
  begins timestamptz NOT NULL,
  ends timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  opened_at timestamptz,
  ticket_key text NOT NULL DEFAULT '',   -- makes tickets of numbers; thrown away by the draw
  sealed_seed bytea,
  commitment text NOT NULL DEFAULT '',   -- SHA-256 of the seed
  closed_at timestamptz,
  entries integer NOT NULL DEFAULT 0,    -- on the list, once it is closed
  list_hash text NOT NULL DEFAULT '',
  drawn_at timestamptz,
  seed text NOT NULL DEFAULT '',         -- after the draw
  beacon_value text NOT NULL DEFAULT '',
  retired_at timestamptz,
  PRIMARY KEY (store_id, id)
);
CREATE TABLE contest_entry (             -- a number that takes part, once
  bucket integer NOT NULL,               -- of the contact
  store_id integer NOT NULL,
  contest_id integer NOT NULL,
  ticket text NOT NULL,                  -- of the number: rules/contests/contests.ticket_of
  contact_id bigint,                     -- NULL: they were erased after the list was closed
  at timestamptz NOT NULL,
  word text NOT NULL,
  order_id bigint,
  said_again_at timestamptz,             -- told that they take part already
  refused text NOT NULL DEFAULT '',      -- why somebody of the store took it out
  listed boolean NOT NULL DEFAULT false, -- on the closed list
  place integer,                         -- drawn: 1 is the first winner
  outcome text NOT NULL DEFAULT ''       -- of a place: given, lapsed, moved_up
    CHECK (outcome IN ('', 'given', 'lapsed', 'moved_up')),
  PRIMARY KEY (bucket, store_id, contest_id, ticket)
);
CREATE INDEX contest_entry_contact ON contest_entry (bucket, contact_id, store_id);
CREATE INDEX contest_entry_at ON contest_entry (bucket, contest_id, at, ticket, store_id);
CREATE INDEX contest_entry_place ON contest_entry (bucket, contest_id, place, store_id)
  WHERE place IS NOT NULL;
CREATE INDEX contest_entry_refused ON contest_entry (bucket, contest_id, store_id)
  WHERE refused <> '';

INSERT INTO process_slot (slot) SELECT n FROM generate_series(0, 63) n;

SELECT ringdove_reference(t) FROM unnest(ARRAY[
  'store', 'app_user', 'user_role', 'session', 'api_key', 'connection', 'gateway', 'automation',
  'lease', 'process_slot', 'sync_cursor', 'gateway_state', 'audit', 'route', 'price_list', 'price',
  'sender_name', 'own_field', 'spending_limit', 'installation_key', 'consent_check']) t;
SELECT ringdove_distribute('contact');
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY[
  'contact_ref', 'consent_event', 'product', 'purchase_order', 'order_line', 'parcel',
  'order_return', 'cart', 'visit', 'fact', 'pending_fact', 'enrollment', 'message', 'outbox',
  'submission', 'provider_ref', 'receipt', 'wire', 'inbound', 'counter', 'sandbox_text',
  'spending', 'touch', 'contact_category', 'suppression', 'consent_seal', 'consent_question',
  'contact_merge']) t;
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY['erasure', 'erased_key', 'retention_mark']) t;
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY['contact_search', 'search_fill']) t;
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY['people_import',
  'people_import_piece', 'people_import_reject', 'people_import_touch']) t;
SELECT ringdove_reference(t) FROM unnest(ARRAY['sign_up_form', 'keyword', 'reward']) t;
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY[
  'welcome', 'reward_given', 'promo_code', 'free_code', 'way_count', 'offer_use']) t;
SELECT ringdove_reference('rhythm');
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY['contact_figure', 'figure_fill']) t;
SELECT ringdove_reference(t) FROM unnest(ARRAY['segment', 'campaign']) t;
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY[
  'campaign_run', 'rehearsal', 'link_click']) t;
SELECT ringdove_reference('own_date');
SELECT ringdove_distribute('segment_size', 'contact');
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY['task', 'order_call']) t;
SELECT ringdove_reference('alert_address');
SELECT ringdove_distribute('automation_rehearsal', 'contact');
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY['trigger_mark', 'automation_member']) t;
SELECT ringdove_distribute('wish', 'contact');
SELECT ringdove_distribute('goods_list', 'contact');
SELECT ringdove_reference('goods_learnt');
SELECT ringdove_distribute('conversation', 'contact');
SELECT ringdove_distribute('conversation_note', 'contact');
SELECT ringdove_reference('canned_answer');
SELECT ringdove_reference('survey');
SELECT ringdove_distribute('survey_answer', 'contact');
SELECT ringdove_distribute('friend_invitation', 'contact');
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY['complaint', 'complaint_move']) t;
SELECT ringdove_reference('contest');
SELECT ringdove_distribute('contest_entry', 'contact');
