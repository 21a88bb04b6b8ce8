package db

import (
	"bytes"
	"context"
	"slices"
	"time"

	"wxkeeper/app"
)

const userColumns = `u.id, u.app_id, u.openid, u.number, COALESCE(u.unionid, ''), u.nickname, u.avatar_url, u.gender, u.language,
	u.city, u.province, u.country, u.profile_at, u.phone_sealed, u.phone_hash, u.phone_tail, u.phone_at, u.last_seen_at,
	u.disabled_at, u.generation + (SELECT a.generation FROM apps a WHERE a.id = u.app_id), u.last_event, u.opened,
	u.client_version, u.platform`

// userFields are where userColumns are read into.
func userFields(user *app.User) []any {
	return []any{
		&user.ID, &user.AppID, &user.OpenID, &user.Number, &user.UnionID, &user.Profile.Nickname, &user.Profile.AvatarURL,
		&user.Profile.Gender, &user.Profile.Language, &user.Profile.City, &user.Profile.Province, &user.Profile.Country,
		moment{&user.ProfileAt}, &user.Phone.Sealed, &user.Phone.Hash, &user.Phone.Tail, moment{&user.PhoneAt},
		moment{&user.LastSeenAt}, moment{&user.DisabledAt}, &user.Generation, &user.LastEvent, (*[]byte)(&user.Opened),
		&user.ClientVersion, &user.Platform,
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
	err := q.one(brief(ctx), "SELECT "+userColumns+" FROM users u WHERE "+which, arguments, userFields(&user)...)
	return user, err
}

// UsersAfter lists users of all apps in the order of their first login, beginning after a user (0: with the first).
func (q *Queries) UsersAfter(ctx context.Context, after app.UserID, limit int) ([]app.User, error) {
	return q.users(ctx, "u.id > ? ORDER BY u.id LIMIT ?", after, limit)
}

// SamePerson finds the users of other apps that are the same person as a user, by their unionid: WeChat gives one to the apps of one Open
// Platform account.
func (q *Queries) SamePerson(ctx context.Context, user app.User) ([]app.User, error) {
	if user.UnionID == "" {
		return nil, nil
	}
	return q.users(ctx, "u.app_id IN (SELECT id FROM apps) AND u.unionid = ? AND u.app_id <> ? ORDER BY u.app_id LIMIT ?",
		string(user.UnionID), user.AppID, app.AppsAtMost)
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

// The counters of users: everybody there is, under hour 0, and who was seen on a day of China, under the hour they were first
// seen in.
const (
	usersTotal = "users.total"

	// UsersActive counts a user once a day, in China's time.
	UsersActive = "users.active"
)

// countUsers counts users who come, or go where n is negative.
func (t *Tx) countUsers(appID app.AppID, n int64) { t.Count(appID, usersTotal, time.Unix(0, 0), n) }

// CountUsers tells how many users an app has.
func (q *Queries) CountUsers(ctx context.Context, appID app.AppID) (int64, error) {
	return q.Counted(ctx, appID, usersTotal, time.Unix(0, 0), time.Unix(0, 0))
}

// InsertUser stores a user. AlreadyExists: the openid or the number is taken.
func (t *Tx) InsertUser(user app.User) error {
	indexed := []any{
		user.ID, user.AppID, string(user.OpenID), int64(user.Number), milliseconds(user.LastSeenAt),
		milliseconds(user.DisabledAt), textOrNull(string(user.UnionID)),
	}
	_, err := t.change("INSERT INTO users (id, app_id, openid, number, last_seen_at, disabled_at, unionid, phone_sealed, "+
		"phone_hash, phone_tail, phone_at, nickname, avatar_url, gender, language, city, province, country, profile_at, "+
		"last_event, opened, client_version, platform) VALUES "+rowsOf(23, 1),
		slices.Concat(indexed, phoneValues(user), userValues(user))...)
	if err != nil {
		return err
	}
	t.countUsers(user.AppID, 1)
	t.reindexNickname(app.User{ID: user.ID, AppID: user.AppID}, user.Profile.Nickname)
	return nil
}

func phoneValues(user app.User) []any {
	return []any{user.Phone.Sealed, user.Phone.Hash, user.Phone.Tail, milliseconds(user.PhoneAt)}
}

// userValues are the columns that no index holds.
func userValues(user app.User) []any {
	profile := user.Profile
	return []any{
		profile.Nickname, profile.AvatarURL, profile.Gender, profile.Language, profile.City, profile.Province, profile.Country,
		milliseconds(user.ProfileAt), user.LastEvent, []byte(user.Opened), user.ClientVersion, string(user.Platform),
	}
}

// UpdateUser stores what a login or an opening changed of a user, in the place of what was known before. It changes nothing and
// gives false if the user is not as before any more: every change leaves an event, disables, or forces a new login. The nickname
// index is kept in step. What an index holds is written only where it changed, since each such write is one to the index too.
func (t *Tx) UpdateUser(before, after app.User) (bool, error) {
	changed, err := t.updateRow(before, after)
	if err != nil || changed != 1 {
		return false, err
	}
	if before.Profile.Nickname != after.Profile.Nickname {
		t.reindexNickname(before, after.Profile.Nickname)
	}
	if before.Profile.AvatarURL != after.Profile.AvatarURL { // what was uploaded goes with the address that led to it
		if app.AvatarNameOf(before.Profile.AvatarURL) != "" {
			if err := t.overwriteDeleted(); err != nil {
				return false, err
			}
		}
		if err := t.dropAvatar(after.ID, app.AvatarNameOf(after.Profile.AvatarURL)); err != nil {
			return false, err
		}
	}
	if !before.LastSeenAt.Equal(after.LastSeenAt) {
		err := t.changeOne(`UPDATE users SET last_seen_at = ? WHERE id = ?`, milliseconds(after.LastSeenAt), after.ID)
		if err != nil {
			return false, err
		}
	}
	if before.UnionID != after.UnionID {
		err := t.changeOne(`UPDATE users SET unionid = ? WHERE id = ?`, textOrNull(string(after.UnionID)), after.ID)
		if err != nil {
			return false, err
		}
	}
	if !before.PhoneAt.Equal(after.PhoneAt) || !bytes.Equal(before.Phone.Sealed, after.Phone.Sealed) {
		err := t.changeOne(`UPDATE users SET phone_sealed = ?, phone_hash = ?, phone_tail = ?, phone_at = ? WHERE id = ?`,
			append(phoneValues(after), after.ID)...)
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// updateRow writes the columns that no index holds, the profile only where it changed.
func (t *Tx) updateRow(before, after app.User) (int64, error) {
	const asBefore = ` WHERE id = ? AND last_event = ? AND disabled_at = ?
		AND generation + (SELECT a.generation FROM apps a WHERE a.id = users.app_id) = ?`
	known := []any{before.ID, before.LastEvent, milliseconds(before.DisabledAt), before.Generation}
	if before.Profile == after.Profile && before.ProfileAt.Equal(after.ProfileAt) && bytes.Equal(before.Opened, after.Opened) {
		return t.change(`UPDATE users SET last_event = ?, client_version = ?, platform = ?`+asBefore,
			append([]any{after.LastEvent, after.ClientVersion, string(after.Platform)}, known...)...)
	}
	return t.change(`UPDATE users SET nickname = ?, avatar_url = ?, gender = ?, language = ?, city = ?, province = ?,
		country = ?, profile_at = ?, last_event = ?, opened = ?, client_version = ?, platform = ?`+asBefore,
		append(userValues(after), known...)...)
}

// NextGeneration ends all sessions of a user with the next request.
func (t *Tx) NextGeneration(user app.User) error {
	return t.changeOne(`UPDATE users SET generation = generation + 1 WHERE id = ?`, user.ID)
}

// NextGenerationOfApp ends all sessions of an app with the next request.
func (t *Tx) NextGenerationOfApp(appID app.AppID) error {
	return t.changeOne(`UPDATE apps SET generation = generation + 1 WHERE id = ?`, appID)
}
