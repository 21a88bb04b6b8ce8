package db

import (
	"context"
	"time"

	"wxkeeper/app"
)

const sessionColumns = `s.id, s.user_id, s.seen_at, s.client_version, s.platform, s.model, s.wechat_version, s.generation`

func sessionFields(session *app.Session) []any {
	return []any{
		&session.ID, &session.UserID, moment{&session.SeenAt}, &session.Client.Version, &session.Client.Platform,
		&session.Client.Model, &session.Client.WeChatVersion, &session.Generation,
	}
}

// SessionByToken finds what a token stands for in an app: the session, without what its client told, and its user.
func (q *Queries) SessionByToken(ctx context.Context, appID app.AppID, token app.TokenHash) (app.Session, app.User, error) {
	var session app.Session
	var user app.User
	err := q.one(brief(ctx), "SELECT s.id, s.seen_at, s.generation, "+userColumns+
		" FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = ? AND s.app_id = ?",
		[]any{token[:], appID},
		append([]any{&session.ID, moment{&session.SeenAt}, &session.Generation}, userFields(&user)...)...)
	session.UserID = user.ID
	return session, user, err
}

// SessionsOfUser lists a user's sessions, newest first.
func (q *Queries) SessionsOfUser(ctx context.Context, user app.UserID) ([]app.Session, error) {
	return q.sessions(ctx, "WHERE s.user_id = ? ORDER BY s.id DESC"+limitTo(app.SessionsKept+1), user)
}

// InsertSession stores a session and ends the user's oldest where there are too many. It tells whether it ended any.
func (t *Tx) InsertSession(appID app.AppID, session app.Session, token app.TokenHash) (ended bool, err error) {
	client := session.Client
	_, err = t.change(`INSERT INTO sessions (user_id, id, app_id, token_hash, seen_at, client_version, platform, model,
		wechat_version, generation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		session.UserID, session.ID, appID, token[:], milliseconds(session.SeenAt), client.Version, string(client.Platform),
		client.Model, client.WeChatVersion, session.Generation)
	if err != nil {
		return false, err
	}
	t.countSessions(appID, 1)
	return t.endOldestSessions(appID, session.UserID)
}

func (t *Tx) endOldestSessions(appID app.AppID, user app.UserID) (ended bool, err error) {
	var newestToEnd app.SessionID
	err = t.one(context.Background(), `SELECT id FROM sessions WHERE user_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?`, []any{user, app.SessionsKept}, &newestToEnd)
	if app.KindOf(err) == app.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	rows, err := t.change(`DELETE FROM sessions WHERE user_id = ? AND id <= ?`, user, newestToEnd)
	t.countSessions(appID, -rows)
	return true, err
}

// SlideSession notes that a session was used. NotFound: it has ended meanwhile.
func (t *Tx) SlideSession(session app.Session, at time.Time) error {
	return t.changeOne(`UPDATE sessions SET seen_at = ? WHERE user_id = ? AND id = ?`,
		milliseconds(at), session.UserID, session.ID)
}

// EndSession deletes a session. NotFound: it has ended already.
func (t *Tx) EndSession(appID app.AppID, session app.Session) error {
	err := t.changeOne(`DELETE FROM sessions WHERE user_id = ? AND id = ?`, session.UserID, session.ID)
	if err == nil {
		t.countSessions(appID, -1)
	}
	return err
}

// endSessionsOf deletes all sessions of a user.
func (t *Tx) endSessionsOf(user app.User) error {
	rows, err := t.change(`DELETE FROM sessions WHERE user_id = ?`, user.ID)
	t.countSessions(user.AppID, -rows)
	return err
}

const sessionsTotal = "sessions.total"

func (t *Tx) countSessions(appID app.AppID, n int64) {
	if n != 0 {
		t.Count(appID, sessionsTotal, time.Unix(0, 0), n)
	}
}

// SessionCount tells how many sessions an app has, with those that are over and not swept away yet.
func (q *Queries) SessionCount(ctx context.Context, appID app.AppID) (int64, error) {
	return q.Counted(ctx, appID, sessionsTotal, time.Unix(0, 0), time.Unix(0, 0))
}

// SessionsAfter lists an app's sessions in the order of their rows, beginning after one, for work that walks them all.
func (q *Queries) SessionsAfter(
	ctx context.Context, appID app.AppID, user app.UserID, id app.SessionID, limit int,
) ([]app.Session, error) {
	return q.sessions(ctx, "WHERE (s.user_id, s.id) > (?, ?) AND s.app_id = ? ORDER BY s.user_id, s.id LIMIT ?",
		user, id, appID, limit)
}

func (q *Queries) sessions(ctx context.Context, which string, arguments ...any) ([]app.Session, error) {
	var sessions []app.Session
	err := q.each(ctx, "SELECT "+sessionColumns+" FROM sessions s "+which, arguments,
		func(scan func(...any) error) error {
			var session app.Session
			err := scan(sessionFields(&session)...)
			sessions = append(sessions, session)
			return err
		})
	return sessions, err
}
