package db

import (
	"context"
	"fmt"
	"time"

	"wxkeeper/app"
)

const operatorSessionColumns = `s.id, s.operator_id, s.seen_at, s.address, s.browser, s.proved_at`

func operatorSessionFields(session *app.OperatorSession) []any {
	return []any{
		&session.ID, &session.OperatorID, moment{&session.SeenAt}, &session.Address, &session.Browser,
		moment{&session.ProvedAt},
	}
}

// OperatorValuesPlace is where the values of an operator's session stand.
func OperatorValuesPlace(session app.OperatorSession) Place {
	return Place{
		Table: "operator_sessions", Row: app.ID(session.ID), Owner: app.OpenID(fmt.Sprint("operator ", session.OperatorID)),
	}
}

// OperatorSessionByHash finds what an operator's cookie stands for: the session and its operator.
func (q *Queries) OperatorSessionByHash(ctx context.Context, hash app.CookieHash) (app.OperatorSession, app.Operator, error) {
	var session app.OperatorSession
	var operator app.Operator
	err := q.one(ctx, "SELECT "+operatorSessionColumns+", "+operatorColumns+
		" FROM operator_sessions s JOIN operators o ON o.id = s.operator_id WHERE s.id_hash = ?",
		[]any{hash[:]}, append(operatorSessionFields(&session), operatorFields(&operator)...)...)
	return session, operator, err
}

// SessionsOfOperator lists an operator's sessions, newest first.
func (q *Queries) SessionsOfOperator(ctx context.Context, of app.OperatorID) ([]app.OperatorSession, error) {
	var sessions []app.OperatorSession
	err := q.each(ctx, "SELECT "+operatorSessionColumns+" FROM operator_sessions s WHERE s.operator_id = ? ORDER BY s.id DESC LIMIT ?",
		[]any{of, app.OperatorSessionsKept}, func(scan func(...any) error) error {
			var session app.OperatorSession
			err := scan(operatorSessionFields(&session)...)
			sessions = append(sessions, session)
			return err
		})
	return sessions, err
}

// OperatorSessionCounts counts the sessions of each operator that were used, and begun, after a time each.
func (q *Queries) OperatorSessionCounts(ctx context.Context, seenAfter, begunAfter time.Time) (map[app.OperatorID]int, error) {
	counts := map[app.OperatorID]int{}
	err := q.each(ctx, `SELECT operator_id, COUNT(*) FROM operator_sessions WHERE seen_at > ? AND id >= ? GROUP BY operator_id`,
		[]any{milliseconds(seenAfter), app.FirstID(begunAfter.Add(time.Millisecond))}, func(scan func(...any) error) error {
			var of app.OperatorID
			var n int
			err := scan(&of, &n)
			counts[of] = n
			return err
		})
	return counts, err
}

// OperatorSessionValues gives the sealed values of a session, empty where there are none. NotFound: it has ended.
func (q *Queries) OperatorSessionValues(ctx context.Context, id app.OperatorSessionID) ([]byte, error) {
	var sealed []byte
	err := q.one(ctx, `SELECT sealed_values FROM operator_sessions WHERE id = ?`, []any{id}, &sealed)
	return sealed, err
}

// InsertOperatorSession stores a session without values, and ends the operator's oldest where there are too many.
func (t *Tx) InsertOperatorSession(session app.OperatorSession, hash app.CookieHash) error {
	_, err := t.change(`INSERT INTO operator_sessions (id, operator_id, id_hash, seen_at, address, browser, sealed_values, proved_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		session.ID, session.OperatorID, hash[:], milliseconds(session.SeenAt), session.Address, session.Browser, []byte{},
		milliseconds(session.ProvedAt))
	if err != nil {
		return err
	}
	var newestToEnd app.OperatorSessionID
	err = t.one(context.Background(), `SELECT id FROM operator_sessions WHERE operator_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?`,
		[]any{session.OperatorID, app.OperatorSessionsKept}, &newestToEnd)
	if app.KindOf(err) == app.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = t.change(`DELETE FROM operator_sessions WHERE operator_id = ? AND id <= ?`, session.OperatorID, newestToEnd)
	return err
}

// SlideOperatorSession notes that a session was used. NotFound: it has ended meanwhile.
func (t *Tx) SlideOperatorSession(id app.OperatorSessionID, at time.Time) error {
	return t.changeOne(`UPDATE operator_sessions SET seen_at = ? WHERE id = ?`, milliseconds(at), id)
}

// SetOperatorSessionValues stores the sealed values of a session. NotFound: it has ended.
func (t *Tx) SetOperatorSessionValues(id app.OperatorSessionID, sealed []byte) error {
	return t.changeOne(`UPDATE operator_sessions SET sealed_values = ? WHERE id = ?`, sealed, id)
}

// EndOperatorSession ends one session of an operator. NotFound: the operator has no such session.
func (t *Tx) EndOperatorSession(of app.OperatorID, id app.OperatorSessionID) error {
	return t.changeOne(`DELETE FROM operator_sessions WHERE id = ? AND operator_id = ?`, id, of)
}

// EndOperatorSessionByHash ends the session of a cookie, if there is one.
func (t *Tx) EndOperatorSessionByHash(hash app.CookieHash) error {
	_, err := t.change(`DELETE FROM operator_sessions WHERE id_hash = ?`, hash[:])
	return err
}

// EndOperatorSessions ends all sessions of an operator but one (0: all), and tells how many.
func (t *Tx) EndOperatorSessions(of app.OperatorID, except app.OperatorSessionID) (int64, error) {
	return t.change(`DELETE FROM operator_sessions WHERE operator_id = ? AND id <> ?`, of, except)
}

// DeleteOperatorSessionsOver deletes the sessions last used, or begun, before a time each. There are never many: each operator
// has a few.
func (t *Tx) DeleteOperatorSessionsOver(seenBefore, begunBefore time.Time) (int64, error) {
	return t.change(`DELETE FROM operator_sessions WHERE seen_at < ? OR id < ?`,
		milliseconds(seenBefore), app.FirstID(begunBefore))
}

// EndAllOperatorSessions signs every operator out.
func (t *Tx) EndAllOperatorSessions() error {
	_, err := t.change(`DELETE FROM operator_sessions`)
	return err
}
