package command_test

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/pquerna/otp/totp"

	"wxkeeper/app"
	"wxkeeper/app/command"
	"wxkeeper/app/config"
	"wxkeeper/app/operator"
	"wxkeeper/db"
)

const typed = "correct horse battery\n"

// withoutKey runs an operator command that is given no master key.
func (f *folder) withoutKey(arguments ...string) outcome {
	f.t.Helper()
	return f.operator(config.Env{}, arguments...)
}

// withKey runs an operator command that is given the master key.
func (f *folder) withKey(arguments ...string) outcome {
	f.t.Helper()
	return f.operator(config.Env{Vars: []string{"WXKEEPER_MASTER_KEY=" + masterKey.Reveal()}}, arguments...)
}

func (f *folder) operator(env config.Env, arguments ...string) outcome {
	f.t.Helper()
	var commands struct {
		Operator command.Operator `cmd:""`
	}
	if arguments[0] == "add" || arguments[0] == "passwd" {
		arguments = append(arguments, "--password-stdin")
	}
	var out, complaints bytes.Buffer
	parser, err := kong.New(&commands, kong.Name("wxkeeper"), kong.Writers(&out, &complaints), kong.Exit(func(int) {}))
	if err != nil {
		f.t.Fatal(err)
	}
	chosen, err := parser.Parse(append([]string{"operator"}, f.of(arguments...)...))
	if err != nil {
		return outcome{out.String(), complaints.String(), err}
	}
	chosen.BindTo(f.t.Context(), (*context.Context)(nil))
	err = chosen.Run(env, command.Streams{In: strings.NewReader(typed), Out: &out, Err: &complaints}, command.Release("test"))
	return outcome{out.String(), complaints.String(), err}
}

// accounts are the accounts as a server on the folder has them.
func (f *folder) accounts(work func(*db.DB, *operator.Accounts)) {
	f.t.Helper()
	store, err := db.OpenBeside(f.t.Context(), f.path)
	if err != nil {
		f.t.Fatal(err)
	}
	defer store.Close()
	ring, err := store.KeyRing(f.t.Context(), masterKey.Bytes())
	if err != nil {
		f.t.Fatal(err)
	}
	work(store, operator.New(operator.Options{Store: store, Ring: ring, Clock: time.Now}))
}

func (f *folder) wantRun(ran outcome, says string) {
	f.t.Helper()
	if ran.err != nil || !strings.Contains(ran.out, says) || ran.errors != "" {
		f.t.Errorf("%q, want %q", ran.said(), says)
	}
}

func (f *folder) wantRefused(ran outcome, says string) {
	f.t.Helper()
	if ran.err == nil || !strings.Contains(ran.said(), says) || ran.out != "" {
		f.t.Errorf("%q, want %q", ran.said(), says)
	}
}

func TestFirstOperatorNeedsNoMasterKey(t *testing.T) {
	f := newFolder(t)
	f.wantRun(f.withoutKey("add", "alice", "--role", "admin"), "alice may use the dashboard as admin.")
	f.wantRun(f.withoutKey("passwd", "alice"), "alice has a new password.")
	f.wantRun(f.withoutKey("list"), "alice")
	if rows := f.audit(); len(rows) > 0 {
		t.Errorf("recorded without a key: %+v", rows)
	}
	f.serve(firstAppid)
	f.accounts(func(store *db.DB, accounts *operator.Accounts) {
		_, _, err := accounts.SignIn(t.Context(), operator.Attempt{Name: "alice", Password: app.Secret(strings.TrimSpace(typed))})
		if err != nil {
			t.Errorf("the first operator cannot sign in: %v", err)
		}
	})
}

func TestAfterTheFirstServeOrdersAreRecorded(t *testing.T) {
	f := newFolder(t)
	f.wantRun(f.withoutKey("add", "alice", "--role", "admin"), "alice")
	f.serve(firstAppid)
	for _, refused := range [][]string{{"add", "bob"}, {"passwd", "alice"}, {"disable", "alice"}, {"enable", "alice"}} {
		f.wantRefused(f.withoutKey(refused...), "WXKEEPER_MASTER_KEY")
	}
	f.wantRun(f.withoutKey("list"), "alice") // it only reads
	f.wantRun(f.withKey("add", "bob"), "bob may use the dashboard as operator.")
	f.wantRun(f.withKey("passwd", "bob"), "bob has a new password.")
	f.wantRun(f.withKey("disable", "bob"), "bob may not use the dashboard any more.")
	f.wantRun(f.withKey("enable", "bob"), "bob may use the dashboard again.")
	var recorded []string
	for _, row := range f.audit() {
		recorded = append(recorded, row.Operator+" "+string(row.Action)+" "+row.Detail)
	}
	want := "command line operators.add bob: operator; command line operators.set_password bob; " +
		"command line operators.disable bob; command line operators.enable bob"
	if got := strings.Join(recorded, "; "); got != want {
		t.Errorf("recorded %s", got)
	}
	if ran := f.run(f.of("check")...); ran.err != nil {
		t.Errorf("the chain does not hold: %s", ran.said())
	}
}

func TestOrdersOnAccountsThatCannotBe(t *testing.T) {
	f := newFolder(t)
	for _, arguments := range [][]string{{"passwd", "alice"}, {"list"}, {"disable", "alice"}, {"enable", "alice"}} {
		f.wantRefused(f.withKey(arguments...), "no database in "+f.path)
	}
	f.wantRun(f.withoutKey("add", "alice", "--role", "admin"), "alice")
	f.serve(firstAppid)
	for _, name := range []string{"passwd", "disable", "enable"} {
		f.wantRefused(f.withKey(name, "nobody"), "no operator is named nobody: wxkeeper operator add nobody")
	}
	f.wantRefused(f.withKey("add", "alice"), "alice exists already: wxkeeper operator passwd alice")
	if ran := f.withKey("disable", "alice"); !errors.Is(ran.err, operator.ErrLastAdmin) {
		t.Errorf("the last admin: %q", ran.said())
	}
	wrong := f.operator(config.Env{Vars: []string{"WXKEEPER_MASTER_KEY=" + config.MasterKey{9}.Reveal()}}, "disable", "alice")
	f.wantRefused(wrong, "master key")
}

func TestDisablingEndsSessionsOfARunningServer(t *testing.T) {
	f := newFolder(t)
	f.wantRun(f.withoutKey("add", "alice"), "alice")
	f.serve(firstAppid)
	f.accounts(func(_ *db.DB, accounts *operator.Accounts) {
		for _, order := range []string{"disable", "passwd"} {
			_, cookie, err := accounts.SignIn(t.Context(), operator.Attempt{Name: "alice", Password: app.Secret(strings.TrimSpace(typed))})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := accounts.Session(t.Context(), cookie); err != nil {
				t.Fatal(err)
			}
			f.wantRun(f.withKey(order, "alice"), "alice")
			if _, err := accounts.Session(t.Context(), cookie); app.KindOf(err) != app.InvalidToken {
				t.Errorf("still signed in after %s: %v", order, err)
			}
			f.wantRun(f.withKey("enable", "alice"), "alice")
		}
	})
}

func TestOperatorsAreATable(t *testing.T) {
	f := newFolder(t)
	f.wantRun(f.withoutKey("add", "小王", "--role", "admin"), "小王")
	f.wantRun(f.withoutKey("add", "alice", "--role", "viewer"), "alice")
	f.wantRun(f.withoutKey("add", "bob.the.builder"), "bob")
	f.serve(firstAppid)
	f.accounts(func(_ *db.DB, accounts *operator.Accounts) {
		_, _, err := accounts.SignIn(t.Context(), operator.Attempt{Name: "小王", Password: app.Secret(strings.TrimSpace(typed))})
		if err != nil {
			t.Fatal(err)
		}
	})
	f.wantRun(f.withKey("disable", "alice"), "alice")
	const stamp = "2006-01-02 15:04"
	listed := f.withoutKey("list")
	dates := regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d`)
	for _, text := range dates.FindAllString(listed.out, -1) {
		if at, err := time.ParseInLocation(stamp, text, time.Local); err != nil || time.Since(at).Abs() > 10*time.Minute {
			t.Errorf("dated %s, %v", text, err)
		}
	}
	want := `NAME             ROLE      STATE                            ONE-TIME CODES  LAST SIGN-IN
alice            viewer    disabled since 2006-01-02 15:04  off             never
bob.the.builder  operator  enabled                          off             never
小王             admin     enabled                          off             2006-01-02 15:04
`
	if got := dates.ReplaceAllString(listed.out, stamp); listed.err != nil || got != want {
		t.Errorf("%s, want\n%s", listed.said(), want)
	}
}

func TestResetOneTimeCodes(t *testing.T) {
	f := newFolder(t)
	f.wantRun(f.withoutKey("add", "alice"), "alice")
	f.serve(firstAppid)
	secret := app.Secret(strings.TrimSpace(typed))
	signIn := func(accounts *operator.Accounts) (app.Secret, error) {
		_, cookie, err := accounts.SignIn(t.Context(), operator.Attempt{Name: "alice", Password: secret})
		return cookie, err
	}
	f.accounts(func(_ *db.DB, accounts *operator.Accounts) {
		cookie, err := signIn(accounts)
		if err != nil {
			t.Fatal(err)
		}
		present, err := accounts.Session(t.Context(), cookie)
		if err != nil {
			t.Fatal(err)
		}
		offer, err := accounts.OfferTOTP(present, "wxkeeper")
		if err != nil {
			t.Fatal(err)
		}
		code, err := totp.GenerateCode(offer.Seed.Reveal(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := accounts.TurnOnTOTP(t.Context(), present, offer.Sealed, operator.Proof{Password: secret, Code: code}); err != nil {
			t.Fatal(err)
		}
		if _, err := signIn(accounts); !errors.As(err, new(operator.CodeDue)) {
			t.Errorf("no code is asked for: %v", err)
		}
	})
	f.wantRefused(f.withKey("reset-totp", "bob"), "no operator is named bob")
	f.wantRun(f.withKey("reset-totp", "alice"), "alice signs in with the password alone.")
	rows := f.audit()
	if last := rows[len(rows)-1]; last.Action != app.ActionResetTOTP || last.Operator != app.CommandLine || last.Detail != "alice" {
		t.Errorf("recorded %+v", last)
	}
	f.accounts(func(_ *db.DB, accounts *operator.Accounts) {
		if _, err := signIn(accounts); err != nil {
			t.Error(err)
		}
	})
}
