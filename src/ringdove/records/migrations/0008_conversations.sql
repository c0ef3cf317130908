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

-- A store's own journeys say what they said: the ready words of these are now of surveys, which the
-- steps of before know nothing of.
WITH said (language, asks, text, part, words) AS (VALUES
  ('en', 'survey', 'survey', 'sms',
    '{{ shop.name }}: how did we do with order {{ order.number }}, from 1 (badly) to 6 (very well)? Just reply with a number. Stop: {{ stop_url }}'),
  ('en', 'survey', 'survey', 'subject',
    'How were we?'),
  ('en', 'survey', 'survey_low', 'sms',
    '{{ shop.name }}: thank you for being frank. We are sorry that order {{ order.number }} let you down; we will call you to put it right.'),
  ('en', 'survey', 'survey_high', 'sms',
    '{{ shop.name }}: thank you, that is good to hear!{% if offer.code %} For your next order: code {{ offer.code }}{% if offer.until %} until {{ offer.until }}{% endif %}.{% endif %} Stop: {{ stop_url }}'),
  ('en', 'survey', 'survey_high', 'subject',
    'Thank you for your answer'),
  ('en', 'review_request', 'review_request', 'sms',
    '{{ customer.first_name }}, how do you like your purchase from {{ shop.name }}? Your review helps others: {{ link }} Stop: {{ stop_url }}'),
  ('en', 'review_request', 'review_request', 'subject',
    'How do you like it?'),
  ('ru', 'survey', 'survey', 'sms',
    '{{ shop.name }}: как вам заказ {{ order.number }}, от 1 (плохо) до 6 (отлично)? Ответьте цифрой. Отказ: {{ stop_url }}'),
  ('ru', 'survey', 'survey', 'subject',
    'Как мы справились?'),
  ('ru', 'survey', 'survey_low', 'sms',
    '{{ shop.name }}: спасибо за честность. Нам жаль, что заказ {{ order.number }} подвёл. Позвоним и всё исправим.'),
  ('ru', 'survey', 'survey_high', 'sms',
    '{{ shop.name }}: спасибо, очень рады!{% if offer.code %} Код на следующий заказ: {{ offer.code }}{% if offer.until %} до {{ offer.until }}{% endif %}.{% endif %} Отказ: {{ stop_url }}'),
  ('ru', 'survey', 'survey_high', 'subject',
    'Спасибо за ответ'),
  ('ru', 'review_request', 'review_request', 'sms',
    '{{ customer.first_name }}, как вам покупка в «{{ shop.name }}»? Оставьте отзыв: {{ link }} Отказ: {{ stop_url }}'),
  ('ru', 'review_request', 'review_request', 'subject',
    'Как вам покупка?'),
  ('be', 'survey', 'survey', 'sms',
    '{{ shop.name }}: як вам заказ {{ order.number }}, ад 1 (дрэнна) да 6 (выдатна)? Адкажыце лічбай. Адмова: {{ stop_url }}'),
  ('be', 'survey', 'survey', 'subject',
    'Як мы справіліся?'),
  ('be', 'survey', 'survey_low', 'sms',
    '{{ shop.name }}: дзякуй за шчырасць. Нам шкада, што заказ {{ order.number }} падвёў. Патэлефануем і ўсё выправім.'),
  ('be', 'survey', 'survey_high', 'sms',
    '{{ shop.name }}: дзякуй, вельмі рады!{% if offer.code %} Ваш код: {{ offer.code }}{% if offer.until %} да {{ offer.until }}{% endif %}.{% endif %} Адмова: {{ stop_url }}'),
  ('be', 'survey', 'survey_high', 'subject',
    'Дзякуй за адказ'),
  ('be', 'review_request', 'review_request', 'sms',
    '{{ customer.first_name }}, як вам пакупка ў «{{ shop.name }}»? Пакіньце водгук: {{ link }} Адмова: {{ stop_url }}'),
  ('be', 'review_request', 'review_request', 'subject',
    'Як вам пакупка?'),
  ('it', 'survey', 'survey', 'sms',
    '{{ shop.name }}: com''è andata con l''ordine {{ order.number }}, da 1 (male) a 6 (benissimo)? Rispondi con un numero. Stop: {{ stop_url }}'),
  ('it', 'survey', 'survey', 'subject',
    'Come siamo andati?'),
  ('it', 'survey', 'survey_low', 'sms',
    '{{ shop.name }}: grazie della sincerità. Ci dispiace per l''ordine {{ order.number }}: ti chiameremo per rimediare.'),
  ('it', 'survey', 'survey_high', 'sms',
    '{{ shop.name }}: grazie, ci fa piacere!{% if offer.code %} Per il prossimo ordine: codice {{ offer.code }}{% if offer.until %} fino al {{ offer.until }}{% endif %}.{% endif %} Stop: {{ stop_url }}'),
  ('it', 'survey', 'survey_high', 'subject',
    'Grazie per la risposta'),
  ('it', 'review_request', 'review_request', 'sms',
    '{{ customer.first_name }}, ti piace il tuo acquisto da {{ shop.name }}? La tua recensione aiuta gli altri: {{ link }} Stop: {{ stop_url }}'),
  ('it', 'review_request', 'review_request', 'subject',
    'Ti piace il tuo acquisto?'),
  ('es', 'survey', 'survey', 'sms',
    '{{ shop.name }}: ¿qué tal el pedido {{ order.number }}, del 1 (mal) al 6 (muy bien)? Responde con una cifra. Baja: {{ stop_url }}'),
  ('es', 'survey', 'survey', 'subject',
    '¿Qué tal lo hemos hecho?'),
  ('es', 'survey', 'survey_low', 'sms',
    '{{ shop.name }}: gracias por tu sinceridad. Sentimos lo ocurrido con el pedido {{ order.number }}; te llamaremos para arreglarlo.'),
  ('es', 'survey', 'survey_high', 'sms',
    '{{ shop.name }}: gracias, nos alegra mucho.{% if offer.code %} Para otra compra: {{ offer.code }}{% if offer.until %} hasta el {{ offer.until }}{% endif %}.{% endif %} Baja: {{ stop_url }}'),
  ('es', 'survey', 'survey_high', 'subject',
    'Gracias por tu respuesta'),
  ('es', 'review_request', 'review_request', 'sms',
    '{{ customer.first_name }}, ¿qué tal tu compra en {{ shop.name }}? Tu reseña ayuda a otros: {{ link }} Baja: {{ stop_url }}'),
  ('es', 'review_request', 'review_request', 'subject',
    '¿Qué tal tu compra?')
), by_text AS (
  SELECT asks, language, text, jsonb_object_agg(part, words) AS words FROM said GROUP BY 1, 2, 3
)
UPDATE automation a SET texts = a.texts || (
  SELECT jsonb_object_agg(l.language, coalesce(a.texts -> l.language, '{}') || l.words)
  FROM (
    SELECT b.language,
      jsonb_object_agg(b.text, b.words || coalesce(a.texts -> b.language -> b.text, '{}')) AS words
    FROM by_text b
    WHERE jsonb_path_exists(a.plan, '$.** ? (@.text == $asks && !exists(@.survey))',
      jsonb_build_object('asks', b.asks))
    GROUP BY 1
  ) l
)
WHERE jsonb_path_exists(a.plan,
  '$.** ? ((@.text == "survey" || @.text == "review_request") && !exists(@.survey))');
-- Their own words about goods lead to the form where the ready journey does.
UPDATE automation SET
  texts = regexp_replace(texts::text, '\{\{\s*link\M', '{{ survey.link', 'g')::jsonb
WHERE recipe = 'review_request' AND plan IS NULL AND texts <> '{}';
-- Who was asked by the ready journey and has not answered yet answers the survey it asks now.
INSERT INTO survey_answer
  (bucket, store_id, id, contact_id, survey, asked_at, until, order_id, message_id, enrollment_id,
  language)
SELECT e.bucket, e.store_id, m.id, e.contact_id, 'delivery', m.due, m.due + interval '33 days',
  e.order_id, m.id, e.id, m.language
FROM enrollment e
CROSS JOIN LATERAL (
  SELECT m.id, m.language, (e.memory ->> 'asked_at')::timestamptz AS due FROM message m
  WHERE m.bucket = e.bucket AND m.contact_id = e.contact_id AND m.store_id = e.store_id
    AND m.enrollment_id = e.id
    AND m.state <> 'dropped'
  ORDER BY m.id DESC LIMIT 1
) m
WHERE e.recipe = 'survey' AND e.state = 'waiting' AND e.place = 'ask' AND e.memory ? 'asked_at'
  AND NOT EXISTS (
    SELECT FROM automation a
    WHERE a.store_id = e.store_id AND a.recipe = e.recipe AND a.version = e.version
      AND a.plan IS NOT NULL);
