-- What people write is understood, shown in an inbox and answered.

ALTER TABLE contact ADD COLUMN talking_until timestamptz;
ALTER TABLE inbound ADD COLUMN value text NOT NULL DEFAULT '',
  ADD COLUMN handled text NOT NULL DEFAULT '';

-- Conversations.
CREATE TABLE conversation (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  contact_id bigint NOT NULL,
  state text NOT NULL DEFAULT 'closed' CHECK (state IN ('open', 'snoozed', 'closed')),
  owner integer,
  snoozed_until timestamptz,
  waiting_since timestamptz,
  unread integer NOT NULL DEFAULT 0,
  last_at timestamptz NOT NULL,
  last_by text NOT NULL DEFAULT 'them' CHECK (last_by IN ('them', 'us', 'machine')),
  last_said text NOT NULL DEFAULT '',
  intent text NOT NULL DEFAULT '',
  asking jsonb NOT NULL DEFAULT '{}',
  machine_day date,
  machine_said integer NOT NULL DEFAULT 0,
  typing_by text NOT NULL DEFAULT '',
  typing_until timestamptz,
  PRIMARY KEY (bucket, store_id, contact_id)
);
CREATE INDEX conversation_state ON conversation (bucket, state, last_at DESC, store_id);
CREATE INDEX conversation_snoozed ON conversation (bucket, snoozed_until)
  WHERE snoozed_until IS NOT NULL;
SELECT ringdove_distribute('conversation', 'contact');
