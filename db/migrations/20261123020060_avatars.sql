-- Pictures that users uploaded: one a user, under a name that nobody guesses.

CREATE TABLE avatars (
  user_id {{.Key}},
  app_id  {{.Int}} NOT NULL,
  name    {{.ASCII}} NOT NULL,
  picture {{.Bytes}} NOT NULL,
  at      {{.Int}} NOT NULL
);

CREATE UNIQUE INDEX avatars_by_name ON avatars (name);
