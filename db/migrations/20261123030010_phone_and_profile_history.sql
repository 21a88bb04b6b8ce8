-- What became of a user's phone number, nickname and avatar. Of a number the last four digits alone are kept, of an avatar nothing.

CREATE TABLE user_changes (
  user_id {{.Int}} NOT NULL,
  what    {{.ASCII}} NOT NULL,
  id      {{.Int}} NOT NULL,
  app_id  {{.Int}} NOT NULL,
  value   {{.Text}} NOT NULL,
  removed {{.Int}} NOT NULL,
  reason  {{.ASCII}} NOT NULL,
  PRIMARY KEY (user_id, what, id)
) {{.Clustered}};
