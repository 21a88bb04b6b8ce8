package command_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"wxkeeper/app"
	"wxkeeper/app/command"
	"wxkeeper/app/config"
	"wxkeeper/app/keeper"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

const (
	firstAppid  = app.Appid("wxcommand00000001")
	secondAppid = app.Appid("wxcommand00000002")
	appSecret   = "c0ffee00c0ffee00c0ffee00c0ffee00"
)

var masterKey = config.MasterKey{1, 2, 3}

// folder is a data folder that a server has left, and a WeChat that answers what it is told.
type folder struct {
	t       *testing.T
	path    string
	weChat  *httptest.Server
	answer  atomic.Pointer[string] // to every question about a key
	numbers map[string]app.UserNumber
}

func newFolder(t *testing.T) *folder {
	t.Helper()
	f := &folder{t: t, path: filepath.Join(t.TempDir(), "data"), numbers: map[string]app.UserNumber{}}
	f.weChat = httptest.NewServer(http.HandlerFunc(f.serveWeChat))
	t.Cleanup(f.weChat.Close)
	f.weChatSays(`{"errcode":0,"errmsg":"ok"}`)
	return f
}

func (f *folder) weChatSays(answer string) { f.answer.Store(&answer) }

func (f *folder) serveWeChat(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/cgi-bin/stable_token":
		fmt.Fprint(w, `{"access_token":"planted-access-token","expires_in":7200}`)
	case "/sns/jscode2session":
		fmt.Fprintf(w, `{"openid":%q,"session_key":%q}`, r.URL.Query().Get("js_code"), newKeyText())
	default:
		fmt.Fprint(w, strings.ReplaceAll(*f.answer.Load(), "OPENID", r.URL.Query().Get("openid")))
	}
}

func newKeyText() string {
	var key [app.SessionKeyBytes]byte
	rand.Read(key[:])
	return base64.StdEncoding.EncodeToString(key[:])
}

// serve is a server of an app that logs these people in and stops.
func (f *folder) serve(appid app.Appid, openids ...string) {
	f.t.Helper()
	ctx := context.Background()
	store, err := db.Open(ctx, f.path)
	if err != nil {
		f.t.Fatal(err)
	}
	defer store.Close()
	ring, err := store.EnsureKeyRing(ctx, masterKey.Bytes(), time.Now())
	if err != nil {
		f.t.Fatal(err)
	}
	served, err := store.EnsureApp(ctx, appid, time.Now())
	if err != nil {
		f.t.Fatal(err)
	}
	client, err := wechat.NewClient(wechat.Options{BaseURL: f.weChat.URL, Appid: appid, Secret: appSecret})
	if err != nil {
		f.t.Fatal(err)
	}
	k := keeper.New(keeper.Options{
		App: served, Store: store, Ring: ring, WeChat: client, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		Settings: keeper.Settings{Sessions: app.SessionPolicy{Idle: time.Hour, MaxAge: time.Hour}},
	})
	defer k.Close()
	for _, openid := range openids {
		login, err := k.Login(ctx, app.Caller{}, openid)
		if err != nil {
			f.t.Fatal(err)
		}
		f.numbers[openid] = login.User
	}
}

// user is somebody's number as people type it.
func (f *folder) user(openid string) string { return f.numbers[openid].String() }

// outcome is what a command did.
type outcome struct {
	out, errors string
	err         error
}

// said is everything that a person at the terminal reads.
func (o outcome) said() string {
	if o.err == nil {
		return o.out + o.errors
	}
	return o.out + o.errors + o.err.Error()
}

// run runs a command as package main does.
func (f *folder) run(arguments ...string) outcome {
	f.t.Helper()
	return f.runUntil(f.t.Context(), arguments...)
}

func (f *folder) runUntil(ctx context.Context, arguments ...string) outcome {
	f.t.Helper()
	return f.runIn(ctx, []string{"WXKEEPER_MASTER_KEY=" + masterKey.Reveal(), "WXKEEPER_SECRET=" + appSecret}, arguments...)
}

// runWith runs a command with other variables.
func (f *folder) runWith(vars []string, arguments ...string) outcome {
	f.t.Helper()
	return f.runIn(f.t.Context(), vars, arguments...)
}

func (f *folder) runIn(ctx context.Context, vars []string, arguments ...string) outcome {
	f.t.Helper()
	var commands struct {
		Client  command.Client  `cmd:""`
		App     command.App     `cmd:""`
		Users   command.Users   `cmd:""`
		Check   command.Check   `cmd:""`
		Audit   command.Audit   `cmd:""`
		Migrate command.Migrate `cmd:""`
		Keygen  command.Keygen  `cmd:""`
		Bench   command.Bench   `cmd:""`
		Backup  command.Backup  `cmd:""`
		Restore command.Restore `cmd:""`

		RotateKey command.RotateKey `cmd:""`
	}
	var out, errors bytes.Buffer
	parser, err := kong.New(&commands, kong.Name("wxkeeper"), kong.Writers(&out, &errors), kong.Exit(func(int) {}))
	if err != nil {
		f.t.Fatal(err)
	}
	chosen, err := parser.Parse(arguments)
	if err != nil {
		return outcome{out.String(), errors.String(), err}
	}
	chosen.BindTo(ctx, (*context.Context)(nil))
	env := config.Env{Vars: vars}
	err = chosen.Run(env, command.Streams{In: strings.NewReader(""), Out: &out, Err: &errors}, command.Release("test"))
	return outcome{out.String(), errors.String(), err}
}

// of are the flags that name the folder.
func (f *folder) of(arguments ...string) []string { return append(arguments, "--data", f.path) }

// asking are the flags of a command that asks WeChat.
func (f *folder) asking(arguments ...string) []string {
	return f.of(append(arguments, "--appid", string(firstAppid), "--wechat-url", f.weChat.URL)...)
}

// list writes a list of withdrawals.
func (f *folder) list(text string) string {
	f.t.Helper()
	path := filepath.Join(f.t.TempDir(), "list.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// audit lists what was done, oldest first, as action, reason and detail.
func (f *folder) audit() (rows []app.AuditRow) {
	f.t.Helper()
	store, err := db.OpenBeside(f.t.Context(), f.path)
	if err != nil {
		f.t.Fatal(err)
	}
	defer store.Close()
	rows, err = store.Read().AuditRows(f.t.Context(), 0, 100)
	if err != nil {
		f.t.Fatal(err)
	}
	return rows
}
