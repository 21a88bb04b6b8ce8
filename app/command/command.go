// Package command holds what the program can be told to do besides serving: work on operators, users and data. The commands
// may run beside a server on the same data folder.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/config"
	"wxkeeper/app/keeper"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// Streams are what a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// told says that a command succeeded, if it did.
func told(out io.Writer, err error, format string, arguments ...any) error {
	if err == nil {
		_, err = fmt.Fprintf(out, format, arguments...)
	}
	return err
}

func mustExist(folder string) error {
	if db.Exists(folder) {
		return nil
	}
	return fmt.Errorf("there is no database in %s: set WXKEEPER_DATA to the folder the server uses", folder)
}

func withStore(ctx context.Context, folder string, work func(*db.DB) error) error {
	store, err := db.OpenBeside(ctx, folder)
	if err != nil {
		return err
	}
	return errors.Join(work(store), store.Close())
}

// withData opens a data folder that must exist, and what is encrypted in it.
func withData(ctx context.Context, settings config.Store, env config.Env, work func(*db.DB, *db.KeyRing) error) error {
	folder, master, err := settings.Open(env)
	if err != nil {
		return err
	}
	return withRing(ctx, folder, master, work)
}

func withRing(ctx context.Context, folder string, master config.MasterKey, work func(*db.DB, *db.KeyRing) error) error {
	if err := mustExist(folder); err != nil {
		return err
	}
	return withStore(ctx, folder, func(store *db.DB) error {
		ring, err := store.KeyRing(ctx, master.Bytes())
		if err != nil {
			return err
		}
		return work(store, ring)
	})
}

// appFlag names the mini program a command is about, where there are several.
type appFlag struct {
	Appid string `env:"WXKEEPER_APPID" placeholder:"APPID" help:"Mini program, where the data folder holds several."`
}

// withKeeper gives a keeper that cannot ask WeChat.
func (f appFlag) withKeeper(
	ctx context.Context, settings config.Store, env config.Env, std Streams, work func(*keeper.Keeper) error,
) error {
	return withData(ctx, settings, env, func(store *db.DB, ring *db.KeyRing) error {
		served, err := oneApp(ctx, store, app.Appid(f.Appid))
		if err != nil {
			return err
		}
		return runKeeper(keeper.Options{App: served, Store: store, Ring: ring}, std, work)
	})
}

// withOffice gives a keeper that can ask WeChat.
func withOffice(
	ctx context.Context, settings config.Office, env config.Env, std Streams, work func(*keeper.Keeper) error,
) error {
	checked, err := settings.Config(env)
	if err != nil {
		return err
	}
	return withRing(ctx, checked.Data, checked.MasterKey, func(store *db.DB, ring *db.KeyRing) error {
		served, err := oneApp(ctx, store, checked.Appid)
		if err != nil {
			return err
		}
		client, err := wechat.NewClient(wechat.Options{
			BaseURL: checked.WeChatURL, Appid: checked.Appid, Secret: checked.Secret,
			AccessTokens: keeper.AccessTokens(store, ring, served),
		})
		if err != nil {
			return err
		}
		rules := keeper.Settings{FollowKey: checked.FollowKey}
		return runKeeper(keeper.Options{App: served, Store: store, Ring: ring, WeChat: client, Settings: rules}, std, work)
	})
}

func runKeeper(options keeper.Options, std Streams, work func(*keeper.Keeper) error) error {
	options.Clock = time.Now
	options.Log = slog.New(slog.NewTextHandler(std.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	k := keeper.New(options)
	defer k.Close()
	return work(k)
}

// oneApp finds the app a command is about: the one named, or the only one there is.
func oneApp(ctx context.Context, store *db.DB, appid app.Appid) (app.App, error) {
	apps, err := store.Read().Apps(ctx)
	if err != nil {
		return app.App{}, err
	}
	for _, one := range apps {
		if one.Appid == appid || appid == "" && len(apps) == 1 {
			return one, nil
		}
	}
	if len(apps) == 0 {
		return app.App{}, errors.New("nothing has been served from this data folder yet")
	}
	if appid == "" {
		return app.App{}, errors.New("the data folder holds several mini programs: say which with --appid")
	}
	return app.App{}, fmt.Errorf("no mini program %s has been served from this data folder", appid)
}
