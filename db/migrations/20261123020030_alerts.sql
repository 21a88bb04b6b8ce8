-- Robots that tell people what needs attention, the conditions that are watched, and which robot was told of which.

CREATE TABLE robots (
  id          {{.Key}},
  kind        {{.ASCII}} NOT NULL,
  name        {{.Text}} NOT NULL,
  language    {{.ASCII}} NOT NULL,
  host        {{.ASCII}} NOT NULL,
  fingerprint {{.ASCII}} NOT NULL,
  signed      {{.Int}} NOT NULL,
  sealed      {{.Bytes}} NOT NULL,
  disabled_at {{.Int}} NOT NULL,
  sent_at     {{.Int}} NOT NULL,
  failures    {{.Int}} NOT NULL,
  failed_at   {{.Int}} NOT NULL,
  next_try_at {{.Int}} NOT NULL,
  problem     {{.ASCII}} NOT NULL,
  status      {{.Int}} NOT NULL,
  errcode     {{.Int}} NOT NULL,
  hour_at     {{.Int}} NOT NULL,
  hour_sent   {{.Int}} NOT NULL
);

CREATE TABLE alerts (
  app_id    {{.Int}} NOT NULL,
  name      {{.ASCII}} NOT NULL,
  seen_from {{.Int}} NOT NULL,
  seen_at   {{.Int}} NOT NULL,
  firing_at {{.Int}} NOT NULL,
  ended_at  {{.Int}} NOT NULL,
  detail    {{.Text}} NOT NULL,
  PRIMARY KEY (app_id, name)
);

CREATE TABLE alerts_told (
  robot_id {{.Int}} NOT NULL,
  app_id   {{.Int}} NOT NULL,
  name     {{.ASCII}} NOT NULL,
  told_at  {{.Int}} NOT NULL,
  PRIMARY KEY (robot_id, app_id, name)
);
