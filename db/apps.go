package db

import (
	"context"
	"errors"
	"time"

	"wxkeeper/app"
)

// EnsureApp finds the app of an appid, or numbers a new one.
func (d *DB) EnsureApp(ctx context.Context, appid app.Appid, now time.Time) (app.App, error) {
	found, err := d.read.AppByAppid(ctx, appid)
	if app.KindOf(err) != app.NotFound {
		return found, err
	}
	err = d.Write(ctx, func(tx *Tx) error {
		found, err = tx.InsertApp(appid, now)
		return err
	})
	return found, err
}

// AppByAppid finds an app.
func (q *Queries) AppByAppid(ctx context.Context, appid app.Appid) (app.App, error) {
	record, err := q.AppRecord(ctx, appid)
	return record.App, err
}

// Apps lists all apps.
func (q *Queries) Apps(ctx context.Context) ([]app.App, error) {
	records, err := q.AppRecords(ctx)
	var apps []app.App
	for _, one := range records {
		apps = append(apps, one.App)
	}
	return apps, err
}

// AppRecord finds what is stored of an app.
func (q *Queries) AppRecord(ctx context.Context, appid app.Appid) (app.AppRecord, error) {
	records, err := q.appRecords(ctx, "WHERE appid = ?", string(appid))
	if err == nil && len(records) == 0 {
		return app.AppRecord{}, app.Fail(app.NotFound, "")
	}
	if err != nil {
		return app.AppRecord{}, err
	}
	return records[0], nil
}

// AppRecords lists what is stored of all apps, the oldest first.
func (q *Queries) AppRecords(ctx context.Context) ([]app.AppRecord, error) {
	return q.appRecords(ctx, "")
}

func (q *Queries) appRecords(ctx context.Context, which string, arguments ...any) ([]app.AppRecord, error) {
	var records []app.AppRecord
	err := q.each(ctx, "SELECT id, appid, name, token_policy, secret_sealed, push_token_sealed, push_key_sealed, disabled_at, revision FROM apps "+
		which+" ORDER BY id", arguments, func(scan func(...any) error) error {
		var one app.AppRecord
		err := scan(&one.ID, &one.Appid, &one.Name, &one.Policy, &one.Sealed.Secret, &one.Sealed.PushToken, &one.Sealed.PushKey,
			moment{&one.DisabledAt}, &one.Revision)
		records = append(records, one)
		return err
	})
	return records, err
}

// AppidOf tells an app's appid. NotFound: nobody knows it.
func (q *Queries) AppidOf(ctx context.Context, id app.AppID) (app.Appid, error) {
	var appid app.Appid
	err := q.one(ctx, `SELECT appid FROM apps WHERE id = ?`, []any{id}, &appid)
	return appid, err
}

// appidOf tells an app's appid, "" of an app nobody knows.
func (t *Tx) appidOf(id app.AppID) (app.Appid, error) {
	if appid, ok := t.appids[id]; ok {
		return appid, nil
	}
	appid, err := t.AppidOf(context.Background(), id)
	if app.KindOf(err) == app.NotFound {
		return "", nil
	}
	if err == nil {
		t.appids[id] = appid
	}
	return appid, err
}

var errTooManyApps = errors.New("a server keeps the keys of 100 mini programs at most")

// InsertApp numbers a new app, of which nothing is stored yet. AlreadyExists: there is one with this appid. TooManyRequests: there are
// AppsAtMost already.
func (t *Tx) InsertApp(appid app.Appid, now time.Time) (app.App, error) {
	created := app.App{Appid: appid}
	var apps int
	err := t.one(context.Background(), `SELECT COALESCE(MAX(id), 0) + 1, COUNT(*) FROM apps`, nil, &created.ID, &apps)
	if err != nil {
		return created, err
	}
	if apps >= app.AppsAtMost {
		return created, app.Fail(app.TooManyRequests, "").Because(errTooManyApps)
	}
	_, err = t.change(`INSERT INTO apps (id, appid, created_at) VALUES (?, ?, ?)`,
		created.ID, string(appid), milliseconds(now))
	return created, err
}

// UpdateApp stores an app's record if it is still of the revision that was read; NotFound: it is not.
func (t *Tx) UpdateApp(record app.AppRecord) error {
	return t.changeOne(`UPDATE apps SET name = ?, token_policy = ?, secret_sealed = ?, push_token_sealed = ?, push_key_sealed = ?,
		disabled_at = ?, revision = revision + 1 WHERE id = ? AND revision = ?`,
		record.Name, string(record.Policy), record.Sealed.Secret, record.Sealed.PushToken, record.Sealed.PushKey,
		milliseconds(record.DisabledAt), record.ID, record.Revision)
}
