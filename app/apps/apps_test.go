package apps_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/apps"
	"wxkeeper/app/keeper"
	"wxkeeper/app/sandbox"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

const (
	secondAppid = app.Appid("wx5a9db0c0de000002")
	secret      = app.Secret("5a9db0c0de0000025a9db0c0de000002")
)

// newRegister knows the default app alone, at a WeChat that knows two.
func newRegister(t *testing.T) (apps.Register, *sandbox.WeChat) {
	t.Helper()
	store, err := db.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	ring, err := store.EnsureKeyRing(t.Context(), [32]byte{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	demo := sandbox.DemoApp()
	if _, err := store.EnsureApp(t.Context(), demo.Appid, time.Now()); err != nil {
		t.Fatal(err)
	}
	emulator := sandbox.New(sandbox.Options{Apps: []sandbox.App{demo, {Appid: secondAppid, Secret: secret}}})
	weChat := httptest.NewServer(emulator)
	t.Cleanup(weChat.Close)
	return apps.Register{Store: store, Ring: ring, Clock: time.Now, Default: demo.Appid, WeChatURL: weChat.URL}, emulator
}

func add(t *testing.T, register apps.Register, appid app.Appid, with app.Secret) {
	t.Helper()
	if err := register.Add(t.Context(), app.CommandLine, appid, "", app.PolicyServer, with); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	register, _ := newRegister(t)
	add(t, register, secondAppid, secret)
	add(t, register, "wx5a9db0c0de000003", secret)
	wrong := func(register apps.Register, appid app.Appid, ofSettings app.Secret) (login, calls int) {
		t.Helper()
		trial, err := register.Try(t.Context(), appid, ofSettings)
		if err != nil {
			t.Fatal(err)
		}
		if trial.Login != nil {
			login = trial.Login.Errcode
		}
		if trial.Calls != nil {
			calls = trial.Calls.Errcode
		}
		return login, calls
	}
	if login, calls := wrong(register, secondAppid, ""); login != 0 || calls != 0 {
		t.Errorf("all is well: %d %d", login, calls)
	}
	if login, calls := wrong(register, "wx5a9db0c0de000003", ""); login != wechat.ErrcodeAppidInvalid || calls != wechat.ErrcodeAppidInvalid {
		t.Errorf("an appid that WeChat does not know: %d %d", login, calls)
	}
	if login, calls := wrong(register, register.Default, secret); login != wechat.ErrcodeSecretWrong || calls != wechat.ErrcodeSecretWrong {
		t.Errorf("another app's secret: %d %d", login, calls)
	}
	nobody := httptest.NewServer(nil)
	nobody.Close()
	register.WeChatURL = nobody.URL
	trial, err := register.Try(t.Context(), secondAppid, "")
	if err != nil || trial.Login == nil || trial.Login.Problem != wechat.ProblemRefused || trial.Calls.Problem != wechat.ProblemRefused {
		t.Errorf("no network: %+v %v", trial, err)
	}
}

// A sealed secret opens in its own row only.
func TestASecretIsBoundToItsApp(t *testing.T) {
	register, _ := newRegister(t)
	add(t, register, secondAppid, secret)
	add(t, register, "wx5a9db0c0de000003", secret)
	err := register.Store.Write(t.Context(), func(tx *db.Tx) error {
		from, err := tx.AppRecord(t.Context(), secondAppid)
		if err != nil {
			return err
		}
		to, err := tx.AppRecord(t.Context(), "wx5a9db0c0de000003")
		if err != nil {
			return err
		}
		to.Sealed = from.Sealed
		return tx.UpdateApp(to)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := register.Try(t.Context(), "wx5a9db0c0de000003", ""); err == nil {
		t.Error("the secret of another app opens")
	}
}

// spoil gives the second app a secret that does not open there.
func spoil(t *testing.T, register apps.Register) {
	t.Helper()
	err := register.Store.Write(t.Context(), func(tx *db.Tx) error {
		record, err := tx.AppRecord(t.Context(), secondAppid)
		if err != nil {
			return err
		}
		record.Sealed.Secret = []byte("not sealed")
		return tx.UpdateApp(record)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestAnAppInTroubleIsLoggedOnce: the list of apps is read every two seconds.
func TestAnAppInTroubleIsLoggedOnce(t *testing.T) {
	register, _ := newRegister(t)
	add(t, register, secondAppid, secret)
	spoil(t, register)
	var log bytes.Buffer
	serving, err := apps.Serve(t.Context(), apps.Options{
		Register: register, Secrets: app.AppSecrets[app.Secret]{Secret: sandbox.DemoApp().Secret}, Log: slog.New(slog.NewTextHandler(&log, nil)),
	}, func(*apps.Member, bool) apps.Faces {
		return apps.Faces{API: http.NotFoundHandler(), Dashboard: http.NotFoundHandler(), End: func() {}}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(serving.Close)
	refresh := func(errors, over int) {
		t.Helper()
		for range 3 {
			if err := serving.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Count(log.String(), "level=ERROR") != errors || strings.Count(log.String(), "again\" appid=") != over {
			t.Errorf("want %d failures and %d ends of them: %s", errors, over, &log)
		}
	}
	refresh(1, 0)
	if err := register.SetSecret(t.Context(), "王", secondAppid, secret); err != nil {
		t.Fatal(err)
	}
	refresh(1, 1)
	spoil(t, register)
	refresh(2, 1)
}

func TestTheDefaultAppIsTheSettings(t *testing.T) {
	register, _ := newRegister(t)
	for name, err := range map[string]error{
		"secret":  register.SetSecret(t.Context(), "王", register.Default, secret),
		"push":    register.SetPush(t.Context(), "王", register.Default, "", ""),
		"disable": register.Disable(t.Context(), "王", register.Default),
		"policy":  register.Change(t.Context(), "王", register.Default, "", app.PolicyFixed),
	} {
		if app.KindOf(err) != app.Malformed || !errors.Is(err, apps.ErrDefault) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := register.Change(t.Context(), "王", register.Default, "第一店", app.PolicyServer); err != nil {
		t.Errorf("its name: %v", err)
	}
}

// What was stored is served again after a restart, each app by its own policy; a disabled one keeps its pages alone.
func TestRestart(t *testing.T) {
	register, _ := newRegister(t)
	add(t, register, secondAppid, secret)
	if err := register.Change(t.Context(), "王", secondAppid, "", app.PolicyFollowKey); err != nil {
		t.Fatal(err)
	}
	serve := func() *apps.Serving {
		serving, err := apps.Serve(t.Context(), apps.Options{
			Register: register, Secrets: app.AppSecrets[app.Secret]{Secret: sandbox.DemoApp().Secret}, Log: slog.New(slog.DiscardHandler),
			Settings: keeper.Settings{ChecksPerMinute: 60},
		}, func(*apps.Member, bool) apps.Faces {
			return apps.Faces{API: http.NotFoundHandler(), Dashboard: http.NotFoundHandler(), End: func() {}}
		})
		if err != nil {
			t.Fatal(err)
		}
		return serving
	}
	for disabled := range 2 {
		serving := serve()
		m, done, found := serving.Use(secondAppid)
		if !found {
			t.Fatal("an app is not served after a restart")
		}
		if served := disabled == 0; m.Served() != served || (m.Keeper.Settings().ChecksPerMinute > 0) != served {
			t.Errorf("disabled %d: served %v, with %d checks", disabled, m.Served(), m.Keeper.Settings().ChecksPerMinute)
		}
		if !m.Keeper.Settings().FollowKey || serving.Default().Keeper.Settings().FollowKey {
			t.Error("the token policy of one app is another's")
		}
		done()
		serving.Close()
		if err := register.Disable(t.Context(), "王", secondAppid); err != nil {
			t.Fatal(err)
		}
	}
}
