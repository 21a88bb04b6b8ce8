package command

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/bench"
	"wxkeeper/app/bench/yardstick"
	"wxkeeper/app/config"
	"wxkeeper/app/operator"
	"wxkeeper/db"
	"wxkeeper/db/sample"
)

// BenchRun measures the server beside the yardstick.
type BenchRun struct {
	Parts     []string      `name:"part" placeholder:"PART" help:"What to measure: parts with commas between them, or all. Without it, the usual ones."`
	Users     int           `default:"10000" help:"How many users there are before. They are made first: a million take some minutes and 3 GB of disk."`
	Brief     bool          `help:"Users who are made have one key, one session and one event each: for ten millions."`
	Data      string        `placeholder:"FOLDER" help:"Folder to keep the users in, so that the next run need not make them. Empty: a throw-away folder."`
	Clients   int           `default:"32" help:"How many clients ask at once."`
	Sessions  int           `default:"5000" help:"How many phones have logged in; at most half of the users."`
	Rounds    int           `default:"5" help:"Rounds of each measurement, in turn with the yardstick's."`
	Lasts     time.Duration `name:"lasts" default:"2s" help:"How long a round lasts."`
	Rate      float64       `help:"Ask at so many requests a second, whatever the answers (open loop). 0: each client asks again when it has its answer."`
	Soak      time.Duration `default:"30m" help:"How long the part soak takes."`
	WeChat    time.Duration `name:"wechat-latency" default:"0" help:"How long WeChat takes to answer."`
	NewKeys   int           `default:"100" help:"How many of a hundred logins bring a new session key."`
	Yardstick []string      `default:"gathered" enum:"gathered,single,nothing,none" help:"What to compare with: gathered commits, a transaction a request, nothing stored; none: nothing."`
	Quick     bool          `help:"A first impression in less than a minute: fewer users, rounds and sessions."`
	JSON      bool          `name:"json" help:"Print nothing but the JSON lines."`
}

// Help lists what can be measured.
func (BenchRun) Help() string {
	text := "Parts, those with a star are the usual ones:\n"
	for _, one := range bench.Parts() {
		star := " "
		if slices.Contains(bench.Usual(), one.Name) {
			star = "*"
		}
		text += fmt.Sprintf("\n  %s %-10s %s", star, one.Name, one.About)
	}
	return text
}

// Run measures and prints what came of it.
func (c *BenchRun) Run(ctx context.Context, std Streams, release Release) (err error) {
	c.complete()
	if err := c.check(); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	folder := c.Data
	if folder == "" {
		if folder, err = os.MkdirTemp("", "wxkeeper-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	}
	ground, err := benchGround(ctx, folder, sample.Options{Users: c.Users, Brief: c.Brief, Seed: 1, Progress: progress(std.Err, c.Users)})
	if err != nil {
		return err
	}
	return bench.Run(ctx, ground, bench.Options{
		Program: program, Version: string(release), Parts: c.Parts, Clients: c.Clients, Sessions: c.Sessions, Rounds: c.Rounds,
		Lasts: c.Lasts, PerSecond: c.Rate, Latency: c.WeChat, Soak: c.Soak, NewKeys: c.NewKeys,
		Keepings: slices.DeleteFunc(c.Yardstick, func(one string) bool { return one == "none" }),
		JSON:     c.JSON, Out: std.Out, Progress: std.Err,
	})
}

// complete fills in what was not asked for.
func (c *BenchRun) complete() {
	if c.Quick {
		c.Users, c.Rounds, c.Lasts = min(c.Users, 2000), min(c.Rounds, 2), min(c.Lasts, 800*time.Millisecond)
	}
	if len(c.Parts) == 0 {
		c.Parts = bench.Usual()
	}
	if slices.Contains(c.Parts, "all") {
		c.Parts = bench.AllParts()
	}
}

func (c *BenchRun) check() error {
	switch {
	case c.Clients < 1 || c.Rounds < 1 || c.Lasts <= 0 || c.Soak <= 0 || c.Rate < 0:
		return errors.New("--clients and --rounds are 1 at least, --lasts and --soak more than 0, --rate not negative")
	case c.NewKeys < 0 || c.NewKeys > 100 || c.WeChat < 0:
		return errors.New("--new-keys is from 0 to 100, and --wechat-latency may not be negative")
	case c.Users < 4*c.Clients:
		return fmt.Errorf("%d clients need %d users at least", c.Clients, 4*c.Clients)
	}
	for _, name := range c.Parts {
		if !slices.ContainsFunc(bench.Parts(), func(one bench.Part) bool { return one.Name == name }) {
			return fmt.Errorf("nothing that can be measured is called %s: wxkeeper bench run --help lists what is", name)
		}
	}
	return nil
}

// BenchYardstick is what BenchRun starts beside the server.
type BenchYardstick struct {
	Folder    string `required:"" help:"Folder of its database."`
	Users     int    `help:"How many users there are from the beginning."`
	Keeping   string `enum:"gathered,single,nothing" default:"gathered" help:"How it stores what it learns."`
	WeChatURL string `name:"wechat-url" required:"" help:"Where WeChat is."`
}

// Run serves until standard input ends.
func (c *BenchYardstick) Run(ctx context.Context, std Streams) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	return yardstick.Serve(ctx, yardstick.Options{
		Folder: c.Folder, Users: c.Users, Keeping: yardstick.Keeping(c.Keeping), WeChatURL: c.WeChatURL, Appid: benchAppid, Secret: "of no use",
	}, func(address string, flushes func() int64) {
		go func() { // ends with standard input, or with the process
			defer stop()
			_ = bench.Gauge(std.In, std.Out, address, func() bench.Readings { return bench.Readings{Flushes: flushes()} })
		}()
	})
}

const (
	benchAppid    = "wxbenchmark0000001"
	benchOperator = "bench"

	// peopleAtMost bounds how many users take part in a load.
	peopleAtMost = 200_000
)

// benchGround makes a folder with users, or takes over the one that an earlier run has made there.
func benchGround(ctx context.Context, folder string, how sample.Options) (bench.Ground, error) {
	name, users := strconv.Itoa(how.Users)+"-users", how.Users
	if how.Brief {
		name += "-brief"
	}
	folder = filepath.Join(folder, name)
	ground := bench.Ground{
		Folder: filepath.Join(folder, "data"), Yardsticks: filepath.Join(folder, "yardsticks"), Logs: folder, Appid: benchAppid, Users: users,
		Operator: benchOperator, Password: app.Secret(rand.Text()), Strangers: yardstick.People(users, peopleAtMost),
	}
	master, err := benchKey(folder)
	if err != nil {
		return ground, err
	}
	ground.MasterKey = app.Secret(master.Reveal())
	if !db.Exists(ground.Folder) {
		// Filled beside and then renamed: what was stopped half way is begun anew.
		filling := ground.Folder + ".filling"
		if err := errors.Join(os.RemoveAll(filling), os.MkdirAll(filling, 0o700)); err != nil {
			return ground, err
		}
		if err := fillFolder(ctx, filling, master, benchAppid, how); err != nil {
			return ground, err
		}
		if err := os.Rename(filling, ground.Folder); err != nil {
			return ground, err
		}
	}
	err = withRing(ctx, ground.Folder, master, func(store *db.DB, ring *db.KeyRing) error {
		accounts := operator.New(operator.Options{Store: store, Ring: ring, Clock: time.Now, Log: slog.New(slog.DiscardHandler)})
		err := accounts.Add(ctx, byCommandLine, benchOperator, app.RoleAdmin, ground.Password)
		if app.KindOf(err) == app.AlreadyExists {
			err = accounts.SetPassword(ctx, byCommandLine, benchOperator, ground.Password)
		}
		if err != nil {
			return err
		}
		ground.People, err = benchPeople(ctx, store, users)
		return err
	})
	return ground, err
}

// benchKey is the master key of a folder of invented users. It is kept beside them: nothing there is real.
func benchKey(folder string) (config.MasterKey, error) {
	path := filepath.Join(folder, "master.key")
	text, err := os.ReadFile(path)
	if err == nil {
		return config.ParseMasterKey(strings.TrimSpace(string(text)))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return config.MasterKey{}, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return config.MasterKey{}, err
	}
	key := config.NewMasterKey()
	return key, os.WriteFile(path, []byte(key.Reveal()+"\n"), 0o600)
}

// benchPeople are users from all over the database who may log in, in no order: all, or about as many as take part at most.
func benchPeople(ctx context.Context, store *db.DB, users int) ([]bench.Person, error) {
	const atOnce = 500
	var people []bench.Person
	var last app.UserID
	share := min(1, float64(peopleAtMost)/float64(users))
	for {
		some, err := store.Read().UsersAfter(ctx, last, atOnce)
		if err != nil {
			return nil, err
		}
		for _, user := range some {
			last = user.ID
			if mathrand.Float64() < share && !user.Disabled() {
				people = append(people, bench.Person{
					OpenID: user.OpenID, Nickname: user.Profile.Nickname, ID: user.ID, SeenAt: user.LastSeenAt,
				})
			}
		}
		if len(some) < atOnce {
			break
		}
	}
	mathrand.Shuffle(len(people), func(i, j int) { people[i], people[j] = people[j], people[i] })
	return people, nil
}
