-- What an operator over HTTP tells, it tells at an address that nobody can guess. The default is
-- volatile, so each gateway that is there already gets a token of its own.
ALTER TABLE gateway
  ADD COLUMN token text NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', '');
ALTER TABLE gateway ADD CONSTRAINT gateway_token_key UNIQUE (token);
