package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wxkeeper/app"
)

// Ground is what a measurement stands on: a data folder with users, and who may look at it.
type Ground struct {
	Folder    string     // of the server's data
	MasterKey app.Secret // as WXKEEPER_MASTER_KEY takes it
	Appid     app.Appid
	Operator  string
	Password  app.Secret
	Users     int      // that exist
	People    []Person // some of them, in no order

	Yardsticks string   // folder of the yardsticks' data
	Strangers  []Person // as many of a yardstick's users

	Logs string // folder for what the servers have to say
}

// appSecret is no secret: the stand-in takes any.
const appSecret = "0123456789abcdef0123456789abcdef"

// target is a server under load.
type target struct {
	name    string
	appid   string
	folder  string
	process *process
	people  []Person      // the first have sessions, the others log in
	phones  []*phone      // those with sessions
	number  atomic.Uint64 // of the last code
}

// The names of targets.
const (
	serverName    = "wxkeeper"
	yardstickName = "yardstick"
)

// startServer starts the program itself, with its settings as they come and more flags: nothing is switched off.
func (b *bench) startServer(ctx context.Context, more ...string) (*target, error) {
	started, err := start(ctx, b.options.Program, append([]string{"serve", "--measured"}, more...), b.serverVars(),
		filepath.Join(b.ground.Logs, "serve.log"))
	if err != nil {
		return nil, err
	}
	return newTarget(serverName, b.ground.Appid, b.ground.Folder, started, b.ground.People), nil
}

// serverVars are the settings of the server, and of commands beside it.
func (b *bench) serverVars() []string {
	return []string{
		"WXKEEPER_APPID=" + string(b.ground.Appid), "WXKEEPER_SECRET=" + appSecret, "WXKEEPER_DATA=" + b.ground.Folder,
		"WXKEEPER_MASTER_KEY=" + b.ground.MasterKey.Reveal(), "WXKEEPER_WECHAT_URL=" + b.weChat.url(), "WXKEEPER_ADDR=127.0.0.1:0",
		"WXKEEPER_PUSH_TOKEN=oftheyardstick", "WXKEEPER_PUSH_AES_KEY=" + strings.Repeat("a", 43),
	}
}

// startYardstick starts a yardstick that has as many users, of whom as many take part in the load.
func (b *bench) startYardstick(ctx context.Context, keeping string) (*target, error) {
	folder := filepath.Join(b.ground.Yardsticks, keeping)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	arguments := []string{
		"bench", "yardstick", "--folder", folder, "--users", fmt.Sprint(b.ground.Users), "--keeping", keeping,
		"--wechat-url", b.weChat.url(),
	}
	started, err := start(ctx, b.options.Program, arguments, nil, filepath.Join(b.ground.Logs, "yardstick.log"))
	if err != nil {
		return nil, err
	}
	return newTarget(yardstickName+" "+keeping, b.ground.Appid, folder, started, b.ground.Strangers), nil
}

func newTarget(name string, appid app.Appid, folder string, started *process, people []Person) *target {
	t := &target{name: name, appid: string(appid), folder: folder, process: started, people: people}
	t.number.Store(uint64(time.Now().UnixNano())) // no code is ever that of an earlier run
	return t
}

// signUp logs in as many as shall have sessions.
func (t *target) signUp(ctx context.Context, sessions int, nicknames []string) error {
	const atOnce = 16
	t.phones = make([]*phone, sessions)
	failures := make([]error, atOnce)
	var running sync.WaitGroup
	for i := range atOnce {
		running.Go(func() {
			connection := dial(t.process.address, time.Now().Add(10*time.Minute))
			defer connection.close()
			for at := i; at < sessions && failures[i] == nil && ctx.Err() == nil; at += atOnce {
				t.phones[at], failures[i] = t.logIn(connection, t.people[at], true)
				if failures[i] == nil && len(nicknames) > 0 {
					t.phones[at].person.Nickname = nicknames[at%len(nicknames)]
				}
			}
		})
	}
	running.Wait()
	for _, err := range failures {
		if err != nil {
			return fmt.Errorf("log in at the %s: %w", t.name, err)
		}
	}
	return ctx.Err()
}

// logIn logs somebody in, with a session key that WeChat has never given before or with one that stays the same.
func (t *target) logIn(c *connection, who Person, newKey bool) (*phone, error) {
	number, version := t.number.Add(1), uint64(0)
	if newKey {
		version = number
	}
	return login(c, t.appid, who, version, number)
}

// others are those without sessions: their logins end nobody's.
func (t *target) others() []Person { return t.people[len(t.phones):] }

func (t *target) somebody() Person {
	others := t.others()
	return others[rand.IntN(len(others))]
}

// phonesOf are one client's among so many: no two clients speak for one phone.
func (t *target) phonesOf(client, clients int) []*phone {
	var mine []*phone
	for at := client; at < len(t.phones); at += clients {
		mine = append(mine, t.phones[at])
	}
	return mine
}
