-- Every engine ends an entry of these indexes with the row's id by itself: written out, it stood there twice.

{{.DropIndex "users_by_last_seen" "users"}};

CREATE INDEX users_by_last_seen ON users (app_id, last_seen_at);

{{.DropIndex "users_by_first_seen" "users"}};

CREATE INDEX users_by_first_seen ON users (app_id);

{{.DropIndex "users_by_phone_tail" "users"}};

CREATE INDEX users_by_phone_tail ON users (app_id, phone_tail);

{{.DropIndex "users_by_disabled" "users"}};

CREATE INDEX users_by_disabled ON users (app_id, disabled_at);
