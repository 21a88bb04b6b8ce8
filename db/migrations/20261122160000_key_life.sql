-- The key's life: states are ranges over stored facts, sessions end by generation, operators' actions leave a chain.

ALTER TABLE apps ADD COLUMN generation {{.Int}} NOT NULL DEFAULT 0;

ALTER TABLE users ADD COLUMN generation {{.Int}} NOT NULL DEFAULT 0;

ALTER TABLE sessions ADD COLUMN generation {{.Int}} NOT NULL DEFAULT 0;

ALTER TABLE session_keys ADD COLUMN tried_at {{.Int}} NOT NULL DEFAULT 0;

CREATE INDEX session_keys_by_state ON session_keys (app_id, superseded_at, dead_at, failed_at, confirmed_at, id);

CREATE TABLE access_tokens (
  app_id     {{.Key}},
  sealed     {{.Bytes}} NOT NULL,
  expires_at {{.Int}} NOT NULL
);

CREATE TABLE audit (
  sequence {{.Key}},
  at       {{.Int}} NOT NULL,
  operator {{.Text}} NOT NULL,
  action   {{.ASCII}} NOT NULL,
  app_id   {{.Int}} NOT NULL,
  user_id  {{.Int}} NOT NULL,
  reason   {{.Text}} NOT NULL,
  detail   {{.Text}} NOT NULL,
  mac      {{.Bytes}} NOT NULL
);

CREATE TABLE pushes (
  message_id {{.ASCII}} NOT NULL PRIMARY KEY,
  at         {{.Int}} NOT NULL
);

CREATE TABLE erased (
  app_id      {{.Int}} NOT NULL,
  openid_hash {{.Bytes}} NOT NULL,
  erased_at   {{.Int}} NOT NULL,
  PRIMARY KEY (app_id, openid_hash)
) {{.Clustered}};

CREATE TABLE disk_probe (
  id     {{.Key}},
  filler {{.Bytes}} NOT NULL
);
