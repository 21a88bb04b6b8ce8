-- Several mini programs in one server: what is stored of each, its secrets sealed. The revision counts changes.

ALTER TABLE apps ADD COLUMN name {{.Text}} NOT NULL DEFAULT '';

ALTER TABLE apps ADD COLUMN token_policy {{.ASCII}} NOT NULL DEFAULT '';

ALTER TABLE apps ADD COLUMN secret_sealed {{.Bytes}};

ALTER TABLE apps ADD COLUMN push_token_sealed {{.Bytes}};

ALTER TABLE apps ADD COLUMN push_key_sealed {{.Bytes}};

ALTER TABLE apps ADD COLUMN disabled_at {{.Int}} NOT NULL DEFAULT 0;

ALTER TABLE apps ADD COLUMN revision {{.Int}} NOT NULL DEFAULT 0;
