-- Operators have a second factor, prove themselves again before what cannot be undone, and the end of their log is sealed.

ALTER TABLE operators ADD COLUMN totp_since {{.Int}} NOT NULL DEFAULT 0;

ALTER TABLE operators ADD COLUMN totp_step {{.Int}} NOT NULL DEFAULT 0;

ALTER TABLE operators ADD COLUMN totp_sealed {{.Bytes}};

ALTER TABLE operator_sessions ADD COLUMN proved_at {{.Int}} NOT NULL DEFAULT 0;

CREATE TABLE recovery_codes (
  id          {{.Key}},
  operator_id {{.Int}} NOT NULL,
  code_hash   {{.Bytes}} NOT NULL
);

CREATE UNIQUE INDEX recovery_codes_by_operator ON recovery_codes (operator_id, code_hash);

CREATE TABLE audit_head (
  id       {{.Key}},
  sequence {{.Int}} NOT NULL,
  mac      {{.Bytes}} NOT NULL,
  seal     {{.Bytes}} NOT NULL
);

INSERT INTO audit_head (id, sequence, mac, seal) SELECT 1, COALESCE(MAX(sequence), 0), x'', x'' FROM audit;

CREATE TABLE audit_checks (
  id         {{.Key}},
  wanted_by  {{.Text}} NOT NULL,
  began_at   {{.Int}} NOT NULL,
  position   {{.Int}} NOT NULL,
  checked_by {{.Text}} NOT NULL,
  checked_at {{.Int}} NOT NULL,
  checked_to {{.Int}} NOT NULL,
  broken_at  {{.Int}} NOT NULL
);

INSERT INTO audit_checks (id, wanted_by, began_at, position, checked_by, checked_at, checked_to, broken_at)
  VALUES (1, '', 0, 0, '', 0, 0, 0);
