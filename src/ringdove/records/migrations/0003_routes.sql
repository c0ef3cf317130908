-- Which gateway carries what, under which sender, for how much, and how much may be spent.

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

CREATE TABLE spending (                  -- roll-up per day of the store's own zone, added per batch
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  day date NOT NULL,
  class text NOT NULL,
  currency text NOT NULL,
  micros bigint NOT NULL,                -- millionths: exact, and added without rounding
  PRIMARY KEY (bucket, store_id, day, class, currency)
) WITH (fillfactor = 75);

ALTER TABLE gateway_state ADD COLUMN down_since timestamptz; -- not bound since then; NULL: it is well

ALTER TABLE message
  ADD COLUMN guard text NOT NULL DEFAULT '',
  ADD COLUMN network text NOT NULL DEFAULT '',
  ADD COLUMN cost numeric(14, 6),
  ADD COLUMN cost_currency text NOT NULL DEFAULT '';

SELECT ringdove_reference(t) FROM unnest(ARRAY[
  'route', 'price_list', 'price', 'sender_name', 'spending_limit']) t;
SELECT ringdove_distribute('spending', 'contact');
