-- Backups that were taken by themselves, and when the data keys were last wrapped.

CREATE TABLE backup_runs (
  id        {{.Key}},
  took_ms   {{.Int}} NOT NULL,
  bytes     {{.Int}} NOT NULL,
  name      {{.Text}} NOT NULL,
  encrypted {{.Int}} NOT NULL,
  problem   {{.Text}} NOT NULL
);

ALTER TABLE data_keys ADD COLUMN wrapped_at {{.Int}} NOT NULL DEFAULT 0;
