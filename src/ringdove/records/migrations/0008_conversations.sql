-- What people write is understood, shown in an inbox and answered.

ALTER TABLE contact ADD COLUMN talking_until timestamptz;
ALTER TABLE inbound ADD COLUMN value text NOT NULL DEFAULT '',
  ADD COLUMN handled text NOT NULL DEFAULT '',
  ADD COLUMN read_as text NOT NULL DEFAULT '';

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
  new_since timestamptz,
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
SELECT ringdove_distribute('conversation', 'contact');
CREATE TABLE conversation_note (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  at timestamptz NOT NULL,
  by text NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX conversation_note_contact ON conversation_note (bucket, contact_id, store_id, id);
SELECT ringdove_distribute('conversation_note', 'contact');

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
CREATE INDEX survey_answer_survey ON survey_answer (bucket, survey, answered_at, store_id)
  WHERE answered_at IS NOT NULL;
CREATE INDEX survey_answer_goods ON survey_answer (bucket, sku, survey, answered_at, store_id)
  WHERE answered_at IS NOT NULL AND sku <> '';
CREATE INDEX survey_answer_opinion ON survey_answer (bucket, survey, answered_at, store_id)
  WHERE may_publish;
SELECT ringdove_distribute('survey_answer', 'contact');

-- Friends.
CREATE TABLE friend_invitation (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  hash text NOT NULL,
  id bigint NOT NULL,
  inviter_id bigint NOT NULL,
  way text NOT NULL CHECK (way IN ('text', 'link')),
  at timestamptz NOT NULL,
  ip_hash text NOT NULL DEFAULT '',
  friend_id bigint,
  refused_at timestamptz,
  bought_at timestamptz,
  order_id bigint,
  PRIMARY KEY (bucket, store_id, hash)
);
CREATE INDEX friend_invitation_id ON friend_invitation (bucket, id);
CREATE INDEX friend_invitation_at ON friend_invitation (bucket, at, store_id);
CREATE INDEX friend_invitation_inviter ON friend_invitation (bucket, inviter_id, store_id, at);
CREATE INDEX friend_invitation_friend ON friend_invitation (bucket, at)
  WHERE friend_id IS NOT NULL;
SELECT ringdove_distribute('friend_invitation', 'contact');

-- Complaints.
CREATE TABLE complaint (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  order_id bigint,
  number text NOT NULL,
  state text NOT NULL
    CHECK (state IN ('opened', 'answered', 'accepted', 'refused', 'closed')),
  opened_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  reason text NOT NULL DEFAULT '',
  said text NOT NULL DEFAULT '',
  note text NOT NULL DEFAULT '',
  opened_by text NOT NULL DEFAULT '',
  owner integer,
  closed_at timestamptz,
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX complaint_contact ON complaint (bucket, contact_id, store_id, id);
CREATE INDEX complaint_state ON complaint (bucket, state, changed_at, store_id, id);
CREATE INDEX complaint_changed ON complaint (bucket, changed_at, store_id, id);
CREATE INDEX complaint_due ON complaint (bucket, due_at, store_id, id) WHERE state = 'opened';
CREATE TABLE complaint_move (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  complaint_id bigint NOT NULL,
  at timestamptz NOT NULL,
  by text NOT NULL,
  state text NOT NULL DEFAULT '',
  said text NOT NULL DEFAULT '',
  note text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, store_id, id)
);
CREATE INDEX complaint_move_of ON complaint_move (bucket, complaint_id, store_id, id);
CREATE INDEX complaint_move_contact ON complaint_move (bucket, contact_id, store_id, at, id);
SELECT ringdove_distribute(t, 'contact') FROM unnest(ARRAY['complaint', 'complaint_move']) t;

-- Answers by people.
ALTER TABLE app_user ADD COLUMN phone text NOT NULL DEFAULT '';
ALTER TABLE task DROP CONSTRAINT task_tell_check, ADD CONSTRAINT task_tell_check
  CHECK (tell IN ('task', 'person', 'text', 'webhook'));
CREATE TABLE canned_answer (
  store_id integer NOT NULL REFERENCES store (id),
  id integer NOT NULL,
  title text NOT NULL,
  shortcut text NOT NULL DEFAULT '',
  texts jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (store_id, id)
);
CREATE UNIQUE INDEX canned_answer_shortcut ON canned_answer (store_id, shortcut)
  WHERE shortcut <> '';
SELECT ringdove_reference('canned_answer');

-- Contests.
CREATE TABLE contest (
  store_id integer NOT NULL REFERENCES store (id),
  id integer NOT NULL,
  token text NOT NULL UNIQUE,
  name text NOT NULL,
  settings jsonb NOT NULL DEFAULT '{}',
  begins timestamptz NOT NULL,
  ends timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  opened_at timestamptz,
  ticket_key text NOT NULL DEFAULT '',
  sealed_seed bytea,
  commitment text NOT NULL DEFAULT '',
  closed_at timestamptz,
  entries integer NOT NULL DEFAULT 0,
  list_hash text NOT NULL DEFAULT '',
  drawn_at timestamptz,
  seed text NOT NULL DEFAULT '',
  beacon_value text NOT NULL DEFAULT '',
  retired_at timestamptz,
  PRIMARY KEY (store_id, id)
);
CREATE TABLE contest_entry (
  bucket integer NOT NULL,
  store_id integer NOT NULL,
  contest_id integer NOT NULL,
  ticket text NOT NULL,
  contact_id bigint,
  at timestamptz NOT NULL,
  word text NOT NULL,
  order_id bigint,
  said_again_at timestamptz,
  refused text NOT NULL DEFAULT '',
  listed boolean NOT NULL DEFAULT false,
  place integer,
  outcome text NOT NULL DEFAULT ''
    CHECK (outcome IN ('', 'given', 'lapsed', 'moved_up')),
  PRIMARY KEY (bucket, store_id, contest_id, ticket)
);
CREATE INDEX contest_entry_contact ON contest_entry (bucket, contact_id, store_id);
CREATE INDEX contest_entry_at ON contest_entry (bucket, contest_id, at, ticket, store_id);
CREATE INDEX contest_entry_place ON contest_entry (bucket, contest_id, place, store_id)
  WHERE place IS NOT NULL;
CREATE INDEX contest_entry_refused ON contest_entry (bucket, contest_id, store_id)
  WHERE refused <> '';
SELECT ringdove_reference('contest');
SELECT ringdove_distribute('contest_entry', 'contact');
