-- The dashboard: operators sign in, find users by more than their openid, and give orders that take a while.

ALTER TABLE users ADD COLUMN client_version {{.ASCII}} NOT NULL DEFAULT '';

ALTER TABLE users ADD COLUMN platform {{.ASCII}} NOT NULL DEFAULT '';

CREATE INDEX users_by_first_seen ON users (app_id, id);

CREATE INDEX users_by_unionid ON users (app_id, unionid);

CREATE INDEX users_by_phone_tail ON users (app_id, phone_tail, id);

CREATE INDEX users_by_disabled ON users (app_id, disabled_at, id);

INSERT INTO counters (app_id, name, hour, n) SELECT app_id, 'users.total', 0, COUNT(*) FROM users GROUP BY app_id;

CREATE INDEX audit_by_user ON audit (user_id, sequence);

ALTER TABLE operators ADD COLUMN signed_in_at {{.Int}} NOT NULL DEFAULT 0;

CREATE TABLE operator_sessions (
  id            {{.Key}},
  operator_id   {{.Int}} NOT NULL,
  id_hash       {{.Bytes}} NOT NULL,
  seen_at       {{.Int}} NOT NULL,
  address       {{.ASCII}} NOT NULL,
  browser       {{.Text}} NOT NULL,
  sealed_values {{.Bytes}} NOT NULL
);

CREATE UNIQUE INDEX operator_sessions_by_hash ON operator_sessions (id_hash);

CREATE INDEX operator_sessions_by_operator ON operator_sessions (operator_id, id);

CREATE TABLE bulk_jobs (
  id        {{.Key}},
  app_id    {{.Int}} NOT NULL,
  action    {{.ASCII}} NOT NULL,
  operator  {{.Text}} NOT NULL,
  reason    {{.Text}} NOT NULL,
  selection {{.Text}} NOT NULL,
  position  {{.Text}} NOT NULL,
  expected  {{.Int}} NOT NULL,
  done      {{.Int}} NOT NULL,
  devices   {{.Int}} NOT NULL,
  state     {{.ASCII}} NOT NULL,
  problem   {{.Text}} NOT NULL,
  ended_at  {{.Int}} NOT NULL
);

CREATE INDEX bulk_jobs_by_state ON bulk_jobs (state, id);

CREATE TABLE pauses (
  app_id   {{.Int}} NOT NULL,
  work     {{.ASCII}} NOT NULL,
  operator {{.Text}} NOT NULL,
  since    {{.Int}} NOT NULL,
  PRIMARY KEY (app_id, work)
) {{.Clustered}};

CREATE TABLE matters (
  event_id {{.Key}},
  app_id   {{.Int}} NOT NULL,
  user_id  {{.Int}} NOT NULL,
  reason   {{.ASCII}} NOT NULL,
  problem  {{.Text}} NOT NULL
);
