package db

import (
	"context"
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
		found, err = tx.insertApp(appid, now)
		return err
	})
	return found, err
}

// AppByAppid finds an app.
func (q *Queries) AppByAppid(ctx context.Context, appid app.Appid) (app.App, error) {
	found := app.App{Appid: appid}
	err := q.one(ctx, `SELECT id FROM apps WHERE appid = ?`, []any{string(appid)}, &found.ID)
	return found, err
}

// Apps lists all apps.
func (q *Queries) Apps(ctx context.Context) ([]app.App, error) {
	var apps []app.App
	err := q.each(ctx, `SELECT id, appid FROM apps ORDER BY id`, nil, func(scan func(...any) error) error {
		var one app.App
		err := scan(&one.ID, &one.Appid)
		apps = append(apps, one)
		return err
	})
	return apps, err
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

func (t *Tx) insertApp(appid app.Appid, now time.Time) (app.App, error) {
	created := app.App{Appid: appid}
	err := t.one(context.Background(), `SELECT COALESCE(MAX(id), 0) + 1 FROM apps`, nil, &created.ID)
	if err != nil {
		return created, err
	}
	_, err = t.change(`INSERT INTO apps (id, appid, created_at) VALUES (?, ?, ?)`,
		created.ID, string(appid), milliseconds(now))
	return created, err
}
