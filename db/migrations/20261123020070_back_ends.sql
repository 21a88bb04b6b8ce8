-- Business servers have credentials of their own, and users who were imported are found by the names these knew them by.

CREATE TABLE back_ends (
  id          {{.Key}},
  app_id      {{.Int}} NOT NULL,
  name        {{.ASCII}} NOT NULL,
  secret_hash {{.Bytes}} NOT NULL,
  made_by     {{.Text}} NOT NULL,
  used_at     {{.Int}} NOT NULL
);

CREATE UNIQUE INDEX back_ends_by_name ON back_ends (name);

CREATE TABLE external_ids (
  app_id      {{.Int}} NOT NULL,
  external_id {{.Text}} NOT NULL,
  user_id     {{.Int}} NOT NULL,
  PRIMARY KEY (app_id, external_id)
) {{.Clustered}};

CREATE UNIQUE INDEX external_ids_by_user ON external_ids (user_id);
