-- One statement a paragraph. Times are epoch milliseconds, 0 for never; asked_us alone is in microseconds, since two answers
-- for one user are ordered by it.

CREATE TABLE apps (
  id         {{.Key}},
  appid      {{.ASCII}} NOT NULL,
  created_at {{.Int}} NOT NULL
);

CREATE UNIQUE INDEX apps_by_appid ON apps (appid);

CREATE TABLE data_keys (
  id         {{.Key}},
  purpose    {{.ASCII}} NOT NULL,
  wrapped    {{.Bytes}} NOT NULL,
  created_at {{.Int}} NOT NULL
);

CREATE UNIQUE INDEX data_keys_by_purpose ON data_keys (purpose, id);

CREATE TABLE users (
  id           {{.Key}},
  app_id       {{.Int}} NOT NULL,
  openid       {{.ASCII}} NOT NULL,
  number       {{.Int}} NOT NULL,
  unionid      {{.ASCII}},
  nickname     {{.Text}} NOT NULL,
  avatar_url   {{.Text}} NOT NULL,
  gender       {{.Int}} NOT NULL,
  language     {{.Text}} NOT NULL,
  city         {{.Text}} NOT NULL,
  province     {{.Text}} NOT NULL,
  country      {{.Text}} NOT NULL,
  profile_at   {{.Int}} NOT NULL,
  phone_sealed {{.Bytes}},
  phone_hash   {{.Bytes}},
  phone_tail   {{.ASCII}} NOT NULL,
  phone_at     {{.Int}} NOT NULL,
  last_seen_at {{.Int}} NOT NULL,
  disabled_at  {{.Int}} NOT NULL,
  last_event   {{.Int}} NOT NULL,
  opened       {{.Bytes}}
);

CREATE UNIQUE INDEX users_by_openid ON users (app_id, openid);

CREATE UNIQUE INDEX users_by_number ON users (app_id, number);

CREATE INDEX users_by_last_seen ON users (app_id, last_seen_at, id);

CREATE TABLE session_keys (
  user_id       {{.Int}} NOT NULL,
  id            {{.Int}} NOT NULL,
  app_id        {{.Int}} NOT NULL,
  fingerprint   {{.Bytes}} NOT NULL,
  sealed        {{.Bytes}},
  asked_us      {{.Int}} NOT NULL,
  superseded_at {{.Int}} NOT NULL,
  confirmed_at  {{.Int}} NOT NULL,
  confirmed_by  {{.ASCII}} NOT NULL,
  failed_at     {{.Int}} NOT NULL,
  dead_at       {{.Int}} NOT NULL,
  dead_errcode  {{.Int}} NOT NULL,
  reset_at      {{.Int}} NOT NULL,
  PRIMARY KEY (user_id, id)
) {{.Clustered}};

CREATE TABLE sessions (
  user_id        {{.Int}} NOT NULL,
  id             {{.Int}} NOT NULL,
  app_id         {{.Int}} NOT NULL,
  token_hash     {{.Bytes}} NOT NULL,
  seen_at        {{.Int}} NOT NULL,
  client_version {{.ASCII}} NOT NULL,
  platform       {{.ASCII}} NOT NULL,
  model          {{.Text}} NOT NULL,
  wechat_version {{.ASCII}} NOT NULL,
  PRIMARY KEY (user_id, id)
) {{.Clustered}};

CREATE UNIQUE INDEX sessions_by_token ON sessions (token_hash);

{{define "events"}}(
  id             {{.Key}},
  app_id         {{.Int}} NOT NULL,
  user_id        {{.Int}} NOT NULL,
  previous       {{.Int}} NOT NULL,
  request_id     {{.ASCII}} NOT NULL,
  reason         {{.ASCII}} NOT NULL,
  fingerprint    {{.Bytes}},
  errcode        {{.Int}} NOT NULL,
  rid            {{.ASCII}},
  detail         {{.Text}},
  client_appid   {{.ASCII}},
  client_version {{.ASCII}},
  platform       {{.ASCII}},
  model          {{.Text}},
  wechat_version {{.ASCII}},
  address        {{.ASCII}}
){{end}}

CREATE TABLE events {{template "events" .}};

CREATE TABLE stranger_events {{template "events" .}};

CREATE TABLE counters (
  app_id {{.Int}} NOT NULL,
  name   {{.ASCII}} NOT NULL,
  hour   {{.Int}} NOT NULL,
  n      {{.Int}} NOT NULL,
  PRIMARY KEY (app_id, name, hour)
) {{.Clustered}};

CREATE TABLE nickname_grams (
  app_id  {{.Int}} NOT NULL,
  gram    {{.Text}} NOT NULL,
  user_id {{.Int}} NOT NULL,
  PRIMARY KEY (app_id, gram, user_id)
) {{.Clustered}};

CREATE TABLE operators (
  id            {{.Key}},
  name          {{.Text}} NOT NULL,
  role          {{.ASCII}} NOT NULL,
  password_hash {{.ASCII}} NOT NULL,
  disabled_at   {{.Int}} NOT NULL
);

CREATE UNIQUE INDEX operators_by_name ON operators (name);

CREATE TABLE leases (
  name       {{.ASCII}} NOT NULL PRIMARY KEY,
  holder     {{.Int}} NOT NULL,
  fence      {{.Int}} NOT NULL,
  expires_at {{.Int}} NOT NULL
);
