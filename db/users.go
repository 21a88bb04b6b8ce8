package db

import (
	"context"

	"wxkeeper/app"
)

const userColumns = `u.id, u.app_id, u.openid, u.number, COALESCE(u.unionid, ''), u.nickname, u.avatar_url, u.gender, u.language,
	u.city, u.province, u.country, u.profile_at, u.phone_sealed, u.phone_hash, u.phone_tail, u.phone_at, u.last_seen_at,
	u.disabled_at, u.generation + (SELECT a.generation FROM apps a WHERE a.id = u.app_id), u.last_event, u.opened`

// userFields are where userColumns are read into.
func userFields(user *app.User) []any {
	return []any{
		&user.ID, &user.AppID, &user.OpenID, &user.Number, &user.UnionID, &user.Profile.Nickname, &user.Profile.AvatarURL,
		&user.Profile.Gender, &user.Profile.Language, &user.Profile.City, &user.Profile.Province, &user.Profile.Country,
		moment{&user.ProfileAt}, &user.Phone.Sealed, &user.Phone.Hash, &user.Phone.Tail, moment{&user.PhoneAt},
		moment{&user.LastSeenAt}, moment{&user.DisabledAt}, &user.Generation, &user.LastEvent, (*[]byte)(&user.Opened),
	}
}

// UserByOpenID finds a user of an app.
func (q *Queries) UserByOpenID(ctx context.Context, appID app.AppID, openid app.OpenID) (app.User, error) {
	return q.user(ctx, "u.app_id = ? AND u.openid = ?", appID, string(openid))
}

// UserByNumber finds a user of an app by the number people say aloud.
func (q *Queries) UserByNumber(ctx context.Context, appID app.AppID, number app.UserNumber) (app.User, error) {
	return q.user(ctx, "u.app_id = ? AND u.number = ?", appID, int64(number))
}

// UserByID finds a user.
func (q *Queries) UserByID(ctx context.Context, id app.UserID) (app.User, error) {
	return q.user(ctx, "u.id = ?", id)
}

func (q *Queries) user(ctx context.Context, which string, arguments ...any) (app.User, error) {
	var user app.User
	err := q.one(ctx, "SELECT "+userColumns+" FROM users u WHERE "+which, arguments, userFields(&user)...)
	return user, err
}

// UsersAfter lists users of all apps in the order of their first login, beginning after a user (0: with the first).
func (q *Queries) UsersAfter(ctx context.Context, after app.UserID, limit int) ([]app.User, error) {
	return q.users(ctx, "u.id > ? ORDER BY u.id LIMIT ?", after, limit)
}

func (q *Queries) users(ctx context.Context, which string, arguments ...any) ([]app.User, error) {
	var users []app.User
	err := q.each(ctx, "SELECT "+userColumns+" FROM users u WHERE "+which, arguments,
		func(scan func(...any) error) error {
			var user app.User
			err := scan(userFields(&user)...)
			users = append(users, user)
			return err
		})
	return users, err
}

// InsertUser stores a user who logs in for the first time. AlreadyExists: the openid or the number is taken.
func (t *Tx) InsertUser(user app.User) error {
	_, err := t.change(`INSERT INTO users (id, app_id, openid, number, unionid, nickname, avatar_url, gender, language, city,
		province, country, profile_at, phone_tail, phone_at, last_seen_at, disabled_at, last_event)
		VALUES (?, ?, ?, ?, ?, '', '', 0, '', '', '', '', 0, '', 0, ?, 0, ?)`,
		user.ID, user.AppID, string(user.OpenID), int64(user.Number), textOrNull(string(user.UnionID)),
		milliseconds(user.LastSeenAt), user.LastEvent)
	return err
}

// UpdateUser stores what a login or an opening changed of a user. The nickname index is kept in step, and costs nothing while
// the nickname stays.
func (t *Tx) UpdateUser(before, after app.User) error {
	if before.Profile.Nickname != after.Profile.Nickname {
		if err := t.reindexNickname(before, after.Profile.Nickname); err != nil {
			return err
		}
	}
	if !before.LastSeenAt.Equal(after.LastSeenAt) { // apart from the rest, since the column is indexed and rarely changes
		err := t.changeOne(`UPDATE users SET last_seen_at = ? WHERE id = ?`, milliseconds(after.LastSeenAt), after.ID)
		if err != nil {
			return err
		}
	}
	return t.changeOne(`UPDATE users SET unionid = ?, nickname = ?, avatar_url = ?, gender = ?, language = ?, city = ?,
		province = ?, country = ?, profile_at = ?, phone_sealed = ?, phone_hash = ?, phone_tail = ?, phone_at = ?,
		last_event = ?, opened = ? WHERE id = ?`,
		textOrNull(string(after.UnionID)), after.Profile.Nickname, after.Profile.AvatarURL, after.Profile.Gender,
		after.Profile.Language, after.Profile.City, after.Profile.Province, after.Profile.Country,
		milliseconds(after.ProfileAt), after.Phone.Sealed, after.Phone.Hash, after.Phone.Tail, milliseconds(after.PhoneAt),
		after.LastEvent, []byte(after.Opened), after.ID)
}

// NextGeneration ends all sessions of a user with the next request.
func (t *Tx) NextGeneration(user app.User) error {
	return t.changeOne(`UPDATE users SET generation = generation + 1 WHERE id = ?`, user.ID)
}

// NextGenerationOfApp ends all sessions of an app with the next request.
func (t *Tx) NextGenerationOfApp(appID app.AppID) error {
	return t.changeOne(`UPDATE apps SET generation = generation + 1 WHERE id = ?`, appID)
}
