package command

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/backend"
	"wxkeeper/app/config"
	"wxkeeper/db"
)

// Client manages the credentials of business servers.
type Client struct {
	Add    ClientAdd    `cmd:"" help:"Make credentials for a business server and print the secret, once: only its hash is stored."`
	List   ClientList   `cmd:"" help:"List the business servers that have credentials."`
	Revoke ClientRevoke `cmd:"" help:"Take credentials back: the next request that comes with them is refused."`
}

// ClientAdd makes credentials.
type ClientAdd struct {
	Name  string `arg:"" help:"Name of the business server, such as order-service: its user name in HTTP Basic."`
	Appid string `env:"WXKEEPER_APPID" placeholder:"APPID" help:"Mini program whose users it may ask about."`
	All   bool   `name:"all-apps" help:"It may ask about the users of every mini program."`
	config.Store
}

// Run makes credentials.
func (c *ClientAdd) Run(ctx context.Context, env config.Env, std Streams) error {
	return withData(ctx, c.Store, env, func(store *db.DB, ring *db.KeyRing) error {
		var of app.AppID
		if !c.All {
			served, err := oneApp(ctx, store, app.Appid(c.Appid))
			if err != nil {
				return err
			}
			of = served.ID
		}
		return withRegister(store, ring, std, func(register *backend.Register) error {
			secret, err := register.Add(ctx, app.CommandLine, c.Name, of)
			if err != nil {
				return notAdded(err, c.Name)
			}
			fmt.Fprintf(std.Err, "%s may ask from now on. Its secret follows and is not shown again:\n", c.Name)
			return told(std.Out, nil, "%s\n", secret.Reveal())
		})
	})
}

func notAdded(err error, name string) error {
	switch app.KindOf(err) {
	case app.Malformed:
		return fmt.Errorf("%q cannot be a name: it has 1 to 63 of a-z, 0-9, dot, hyphen and underscore, the first a letter or a digit", name)
	case app.AlreadyExists:
		return fmt.Errorf("there are credentials named %s already: wxkeeper client revoke %s takes them back", name, name)
	case app.TooManyRequests:
		return fmt.Errorf("there are %d credentials already: revoke some that nobody uses", app.BackEndsKept)
	}
	return err
}

// ClientList lists credentials.
type ClientList struct{ config.Folder }

// Run lists credentials.
func (c *ClientList) Run(ctx context.Context, std Streams) error {
	if err := mustExist(c.Path()); err != nil {
		return err
	}
	return withStore(ctx, c.Path(), func(store *db.DB) error {
		apps, err := store.Read().Apps(ctx)
		if err != nil {
			return err
		}
		appids := map[app.AppID]string{0: "all"}
		for _, one := range apps {
			appids[one.ID] = string(one.Appid)
		}
		listed, err := store.Read().BackEnds(ctx)
		rows := [][]string{{"NAME", "MINI PROGRAM", "MADE", "BY", "LAST USED"}}
		for _, one := range listed {
			rows = append(rows, []string{one.Name, appids[one.AppID], dated(one.MadeAt(), ""), one.MadeBy, dated(one.UsedAt, "never")})
		}
		if err != nil {
			return err
		}
		return writeTable(std.Out, rows)
	})
}

// ClientRevoke takes credentials back.
type ClientRevoke struct {
	Name string `arg:"" help:"Name of the business server."`
	config.Store
}

// Run takes credentials back.
func (c *ClientRevoke) Run(ctx context.Context, env config.Env, std Streams) error {
	return withData(ctx, c.Store, env, func(store *db.DB, ring *db.KeyRing) error {
		return withRegister(store, ring, std, func(register *backend.Register) error {
			err := register.Revoke(ctx, app.CommandLine, c.Name)
			if app.KindOf(err) == app.NotFound {
				return fmt.Errorf("there are no credentials named %s: wxkeeper client list shows all", c.Name)
			}
			return told(std.Out, err, "%s is refused from now on.\n", c.Name)
		})
	})
}

func withRegister(store *db.DB, ring *db.KeyRing, std Streams, work func(*backend.Register) error) error {
	log := slog.New(slog.NewTextHandler(std.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	register := backend.New(backend.Options{Store: store, Ring: ring, Clock: time.Now, Log: log})
	defer register.Close()
	return work(register)
}
