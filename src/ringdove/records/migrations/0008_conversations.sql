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

-- Surveys and opinions.
CREATE TABLE survey (
  store_id integer NOT NULL REFERENCES store (id),
  key text NOT NULL,
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  retired_at timestamptz,
  PRIMARY KEY (store_id, key)
);
SELECT ringdove_reference('survey');
CREATE TABLE survey_answer (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  survey text NOT NULL,
  asked_at timestamptz NOT NULL,
  until timestamptz NOT NULL,
  order_id bigint,
  message_id bigint,
  enrollment_id bigint,
  after_id bigint,
  sku text NOT NULL DEFAULT '',
  carrier text NOT NULL DEFAULT '',
  pickup_point text NOT NULL DEFAULT '',
  language text NOT NULL DEFAULT '',
  re_asked_at timestamptz,
  answered_at timestamptz,
  way text NOT NULL DEFAULT '' CHECK (way IN ('', 'reply', 'link', 'api', 'page')),
  score integer,
  reason text NOT NULL DEFAULT '',
  comment text NOT NULL DEFAULT '',
  answers jsonb NOT NULL DEFAULT '{}',
  rewarded_at timestamptz,
  may_publish boolean NOT NULL DEFAULT false,
  shown_as text NOT NULL DEFAULT '',
  published text NOT NULL DEFAULT '' CHECK (published IN ('', 'shown', 'hidden')),
  published_at timestamptz,
  published_by text NOT NULL DEFAULT '',
  shop_reply text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX survey_answer_contact ON survey_answer (bucket, contact_id, store_id, id);
CREATE INDEX survey_answer_asked ON survey_answer (bucket, survey, asked_at, store_id);
CREATE INDEX survey_answer_answered ON survey_answer (bucket, answered_at, store_id)
  WHERE answered_at IS NOT NULL;
SELECT ringdove_distribute('survey_answer', 'contact');
