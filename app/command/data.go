package command

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"runtime"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/config"
	"wxkeeper/app/keeper"
	"wxkeeper/app/sbom"
	"wxkeeper/db"
)

// Release is the version of the program.
type Release string

// Keygen prints a new master key.
type Keygen struct{}

// Run prints a new master key.
func (Keygen) Run(std Streams) error {
	_, err := fmt.Fprintln(std.Out, config.NewMasterKey().Reveal())
	return err
}

// Check reads all data and says what is wrong with it. Or it tries the address that phones call, or asks whether the server lives.
type Check struct {
	URL    string `name:"url" placeholder:"URL" help:"Instead of the data, try the address that phones call, such as https://keeper.example.com: name, certificate, TLS, proxy. Works from any machine."`
	Health bool   `help:"Instead of the data, ask whether a server answers at WXKEEPER_ADDR on this machine. For containers."`
	Addr   string `env:"WXKEEPER_ADDR" default:"127.0.0.1:8000" hidden:""`
	config.Store
	agingFlag
}

// Run reads all data and says what is wrong with it, or does what it was told instead.
func (c *Check) Run(ctx context.Context, env config.Env, std Streams) error {
	switch {
	case c.URL != "":
		return tryDoor(ctx, c.URL, c.Path(), std)
	case c.Health:
		return askHealth(ctx, c.Addr)
	}
	return withData(ctx, c.Store, env, func(store *db.DB, ring *db.KeyRing) error {
		health, err := keeper.Check(ctx, store, ring)
		if err != nil {
			return err
		}
		for _, problem := range health.Problems {
			fmt.Fprintln(std.Out, problem)
		}
		if found := len(health.Problems) + health.Unsaid; found > 0 {
			return fmt.Errorf("%d problems found (%d not shown): stop the server and restore a backup, or ask for help with this list", found, health.Unsaid)
		}
		fmt.Fprintf(std.Out, "Sound: %d users, %d session keys and %d other secrets were read.\n", health.Users, health.Keys, health.Secrets)
		return c.tellStates(ctx, store, std)
	})
}

// tellStates says how many current keys are in each state.
func (c *Check) tellStates(ctx context.Context, store *db.DB, std Streams) error {
	apps, err := store.Read().Apps(ctx)
	if err != nil {
		return err
	}
	for _, one := range apps {
		counts, err := store.Read().KeyCounts(ctx, one.ID, time.Now(), c.KeyAging)
		if err != nil {
			return err
		}
		fmt.Fprintf(std.Out, "Session keys of %s:", one.Appid)
		for _, state := range app.KeyStates() {
			fmt.Fprintf(std.Out, " %d %s", counts[state], state)
		}
		fmt.Fprintln(std.Out)
	}
	return nil
}

// Migrate brings the database up to this version.
type Migrate struct{ config.Folder }

// Run brings the database up to date.
func (c *Migrate) Run(ctx context.Context, std Streams) error {
	store, err := db.Open(ctx, c.Path())
	if err != nil {
		return err
	}
	schema, err := store.SchemaVersion(ctx)
	return errors.Join(told(std.Out, err, "The database in %s is at version %d.\n", c.Path(), schema), store.Close())
}

// Version prints the version.
type Version struct {
	SBOM string `name:"sbom" placeholder:"FILE" help:"Print instead what a build of wxkeeper consists of, read from that file, as CycloneDX JSON."`
}

// Run prints the version.
func (c Version) Run(std Streams, release Release) error {
	if c.SBOM != "" {
		built, err := buildinfo.ReadFile(c.SBOM)
		if err != nil {
			return err
		}
		return sbom.Write(std.Out, built, string(release))
	}
	return told(std.Out, nil, "wxkeeper %s, %s %s/%s\n", release, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
