package db

import (
	"context"
	"fmt"
	"time"

	"wxkeeper/app"
)

const backEndColumns = `b.id, b.app_id, b.name, b.secret_hash, b.made_by, b.used_at`

func scanBackEnd(scan func(...any) error) (app.BackEnd, error) {
	var one app.BackEnd
	var hash []byte
	err := scan(&one.ID, &one.AppID, &one.Name, &hash, &one.MadeBy, moment{&one.UsedAt})
	copy(one.SecretHash[:], hash)
	return one, err
}

// BackEndByName finds a back end.
func (q *Queries) BackEndByName(ctx context.Context, name string) (app.BackEnd, error) {
	found, err := q.backEnds(ctx, "b.name = ?", name)
	if err == nil && len(found) == 0 {
		return app.BackEnd{}, app.Fail(app.NotFound, "")
	}
	if err != nil {
		return app.BackEnd{}, err
	}
	return found[0], nil
}

// BackEnds lists all back ends by their names.
func (q *Queries) BackEnds(ctx context.Context) ([]app.BackEnd, error) {
	return q.backEnds(ctx, "0 = 0 ORDER BY b.name"+limitTo(app.BackEndsKept))
}

func (q *Queries) backEnds(ctx context.Context, which string, arguments ...any) ([]app.BackEnd, error) {
	var found []app.BackEnd
	err := q.each(brief(ctx), "SELECT "+backEndColumns+" FROM back_ends b WHERE "+which, arguments,
		func(scan func(...any) error) error {
			one, err := scanBackEnd(scan)
			found = append(found, one)
			return err
		})
	return found, err
}

// InsertBackEnd stores a back end that was never used. AlreadyExists: the name is taken. TooManyRequests: there are
// app.BackEndsKept already.
func (t *Tx) InsertBackEnd(one app.BackEnd) error {
	var n int
	err := t.one(context.Background(), `SELECT COUNT(*) FROM back_ends`, nil, &n)
	if err == nil && n >= app.BackEndsKept {
		err = app.Fail(app.TooManyRequests, "")
	}
	if err != nil {
		return err
	}
	_, err = t.change(`INSERT INTO back_ends (id, app_id, name, secret_hash, made_by, used_at) VALUES (?, ?, ?, ?, ?, 0)`,
		one.ID, one.AppID, one.Name, one.SecretHash[:], one.MadeBy)
	return err
}

// DeleteBackEnd forgets a back end. NotFound: it is gone already.
func (t *Tx) DeleteBackEnd(id app.BackEndID) error {
	return t.changeOne(`DELETE FROM back_ends WHERE id = ?`, id)
}

// NoteBackEndUse stores when a back end was last used; one that was revoked meanwhile is left alone.
func (t *Tx) NoteBackEndUse(id app.BackEndID, at time.Time) error {
	_, err := t.change(`UPDATE back_ends SET used_at = ? WHERE id = ? AND used_at < ?`, milliseconds(at), id, milliseconds(at))
	return err
}

// CountsByBackEnd counts what back ends ask for, each under its id, by what it asked.
const CountsByBackEnd CounterGroup = "backend"

// BackEndCounted is the name under which the calls of a back end are counted in their group.
func BackEndCounted(id app.BackEndID) string { return fmt.Sprint(int64(id)) }

// CountBackEnd counts calls of a back end.
func (t *Tx) CountBackEnd(appID app.AppID, id app.BackEndID, what string, at time.Time, n int64) {
	one := tally{hour: hourOf(at), group: CountsByBackEnd, value: BackEndCounted(id), what: what}
	t.Count(appID, one.name(), at, n)
}
