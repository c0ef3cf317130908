-- A message that is taken leaves the outbox; that it is on its way is one row for a whole batch.
-- Seen: half of the cost of sending was marking and unmarking rows one by one.

ALTER TABLE message ADD COLUMN attempts smallint NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN window_until timestamptz;

-- Room on a page for as many new versions as it has rows: a campaign's batch updates all of them in
-- one transaction, and what finds no room on its page costs three times as much (not HOT).
DO $$
DECLARE part regclass;
BEGIN
  FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'message'::regclass LOOP
    EXECUTE format('ALTER TABLE %s SET (fillfactor = 50)', part);
  END LOOP;
END $$;

-- What was being said when the old program ended has an unknown outcome.
UPDATE message m SET state = 'unknown', reason = 'process_lost', sent_at = o.lease_until
FROM outbox o
WHERE o.state = 'submitting' AND m.bucket = o.bucket AND m.store_id = o.store_id
  AND m.id = o.message_id AND m.state = 'waiting';
UPDATE message m SET guard = o.guard, window_until = o.window_until, attempts = o.attempts
FROM outbox o
WHERE m.bucket = o.bucket AND m.store_id = o.store_id AND m.id = o.message_id;

CREATE TABLE outbox_kept AS SELECT * FROM outbox WHERE state = 'due';
DROP TABLE outbox;

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
  guard text NOT NULL DEFAULT '',        -- '', unpaid: asked again in the transaction that takes it
  due_at timestamptz NOT NULL,
  window_until timestamptz NOT NULL,     -- allowed hours end: later, the decision is asked anew
  not_after timestamptz NOT NULL,
  attempts smallint NOT NULL DEFAULT 0,
  PRIMARY KEY (bucket, store_id, message_id)
);
INSERT INTO outbox (bucket, store_id, message_id, gateway_id, contact_id, order_id, urgency, class,
  topic, guard, due_at, window_until, not_after, attempts)
SELECT bucket, store_id, message_id, gateway_id, contact_id, order_id,
  CASE class WHEN 'marketing' THEN 1 ELSE 0 END, class, topic, guard, due_at, window_until,
  not_after, attempts
FROM outbox_kept;
DROP TABLE outbox_kept;
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

SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY['outbox', 'submission', 'wire']) t;
