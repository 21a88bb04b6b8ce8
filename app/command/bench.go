package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/config"
	"wxkeeper/db"
	"wxkeeper/db/sample"
)

// Bench helps to see how the program fares under load.
type Bench struct {
	Run       BenchRun       `cmd:"" help:"Measure the server on this machine, beside a bare one: rates, latencies, memory, commits. It starts all that it needs."`
	Fill      BenchFill      `cmd:"" help:"Fill an empty data folder with invented users, their keys, devices and events, to measure with or to look at full pages."`
	Yardstick BenchYardstick `cmd:"" hidden:"" help:"Serve as what run compares with."`
}

// BenchFill fills an empty data folder with invented users.
type BenchFill struct {
	Users int    `required:"" placeholder:"N" help:"How many users. A million take some minutes and 3 GB of disk."`
	Brief bool   `help:"Give each user one key, one session and one event alone: for ten millions."`
	Seed  uint64 `default:"1" help:"Another seed gives other people."`
	Appid string `env:"WXKEEPER_APPID" required:"" placeholder:"APPID" help:"Mini program the users are of."`
	config.Store
}

// Run fills an empty data folder.
func (c *BenchFill) Run(ctx context.Context, env config.Env, std Streams) error {
	if c.Users < 1 {
		return errors.New("--users must be at least 1")
	}
	folder, master, err := c.Store.Open(env)
	if err != nil {
		return err
	}
	began := time.Now()
	how := sample.Options{Users: c.Users, Brief: c.Brief, Seed: c.Seed, Progress: progress(std.Err, c.Users)}
	err = fillFolder(ctx, folder, master, app.Appid(c.Appid), how)
	return told(std.Out, err, "%d users in %s, made in %v.\n", c.Users, folder, time.Since(began).Round(time.Second))
}

// fillCache is memory in bytes for pages of the database: the entries of users who are made together lie all over the indexes.
const fillCache = 256 << 20

// fillFolder makes users in an empty folder that no server uses.
func fillFolder(ctx context.Context, folder string, master config.MasterKey, appid app.Appid, how sample.Options) (err error) {
	lock, err := db.LockFolder(folder)
	if err != nil {
		return err
	}
	defer lock.Release()
	store, err := db.Open(ctx, folder, db.WithCache(fillCache))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	how.Now = time.Now()
	ring, err := store.EnsureKeyRing(ctx, master.Bytes(), how.Now)
	if err != nil {
		return err
	}
	of, err := store.EnsureApp(ctx, appid, how.Now)
	if err != nil {
		return err
	}
	err = sample.Fill(ctx, store, ring, of.ID, how)
	if app.KindOf(err) == app.AlreadyExists {
		return fmt.Errorf("there are users in %s already: set WXKEEPER_DATA to an empty folder", folder)
	}
	return err
}

// progress rewrites one line, at most once a second.
func progress(out io.Writer, all int) func(done int) {
	var last time.Time
	return func(done int) {
		if time.Since(last) < time.Second && done < all {
			return
		}
		last = time.Now()
		fmt.Fprintf(out, "\r%d of %d users", done, all)
		if done >= all {
			fmt.Fprintln(out)
		}
	}
}
