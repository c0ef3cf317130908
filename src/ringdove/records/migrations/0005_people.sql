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
  CHECK (change IN ('in', 'out', 'asked', 'paused'));
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
  ADD COLUMN occasion text NOT NULL DEFAULT '';

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
