-- Business back ends hear what happens to users. What is to be delivered is written with what happened.

CREATE TABLE webhooks (
  id          {{.Key}},
  name        {{.Text}} NOT NULL,
  host        {{.ASCII}} NOT NULL,
  fingerprint {{.ASCII}} NOT NULL,
  sealed      {{.Bytes}} NOT NULL,
  disabled_at {{.Int}} NOT NULL,
  waiting     {{.Int}} NOT NULL,
  dropped     {{.Int}} NOT NULL,
  sent_at     {{.Int}} NOT NULL,
  failures    {{.Int}} NOT NULL,
  failed_at   {{.Int}} NOT NULL,
  next_try_at {{.Int}} NOT NULL,
  problem     {{.ASCII}} NOT NULL,
  status      {{.Int}} NOT NULL,
  errcode     {{.Int}} NOT NULL
);

CREATE TABLE deliveries (
  id          {{.Key}},
  webhook_id  {{.Int}} NOT NULL,
  app_id      {{.Int}} NOT NULL,
  what        {{.ASCII}} NOT NULL,
  user_id     {{.Int}} NOT NULL,
  user_number {{.Int}} NOT NULL,
  openid      {{.ASCII}} NOT NULL,
  unionid     {{.ASCII}} NOT NULL,
  kind        {{.ASCII}} NOT NULL,
  state       {{.Int}} NOT NULL,
  tries       {{.Int}} NOT NULL,
  next_try_at {{.Int}} NOT NULL,
  tried_at    {{.Int}} NOT NULL,
  problem     {{.ASCII}} NOT NULL,
  status      {{.Int}} NOT NULL
);

CREATE INDEX deliveries_by_state ON deliveries (state, id);

CREATE INDEX deliveries_due ON deliveries (webhook_id, state, next_try_at);

CREATE INDEX deliveries_by_user ON deliveries (user_id);
