package operator_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"

	"wxkeeper/app"
	"wxkeeper/app/operator"
)

func TestPasswordsAreStoredAsHashes(t *testing.T) {
	d := newDesk(t)
	const first, second = app.Secret("correct horse"), app.Secret("battery staple 电池")
	d.add("小王", app.RoleAdmin)
	if err := d.Add(t.Context(), by, "小王", app.RoleViewer, second); app.KindOf(err) != app.AlreadyExists {
		t.Errorf("added twice: %v", err)
	}
	if err := d.SetPassword(t.Context(), by, "小王", second); err != nil {
		t.Fatal(err)
	}
	stored := d.stored("小王")
	hash := stored.PasswordHash.Reveal()
	if stored.Role != app.RoleAdmin || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("a %s, stored as %s", stored.Role, hash)
	}
	for password, want := range map[app.Secret]bool{first: false, second: true} {
		if fits, err := argon2id.ComparePasswordAndHash(password.Reveal(), hash); err != nil || fits != want {
			t.Errorf("%q fits: %v, %v", password.Reveal(), fits, err)
		}
	}
	if err := d.SetPassword(t.Context(), by, "nobody", first); app.KindOf(err) != app.NotFound {
		t.Errorf("password of nobody: %v", err)
	}
}

func TestNobodysHashCostsAsMuchAsAnyOther(t *testing.T) {
	costs, _, _, err := argon2id.DecodeHash(operator.NobodysHash.Reveal())
	if err != nil || *costs != operator.HashParameters {
		t.Errorf("it costs %+v, %v", costs, err)
	}
	if _, costs, err := argon2id.CheckHash("", operator.NobodysHash.Reveal()); err != nil || *costs != operator.HashParameters {
		t.Errorf("comparing costs %+v, %v", costs, err)
	}
}

func TestUnfitAccountsAreRefused(t *testing.T) {
	d := newDesk(t)
	const good = app.Secret("long enough")
	for name, test := range map[string]struct {
		name     string
		role     app.Role
		password app.Secret
		want     error
	}{
		"no name":        {"", app.RoleViewer, good, operator.ErrName},
		"space around":   {" wang", app.RoleViewer, good, operator.ErrName},
		"control":        {"wa\nng", app.RoleViewer, good, operator.ErrName},
		"not UTF-8":      {"wang\xff", app.RoleViewer, good, operator.ErrName},
		"long name":      {strings.Repeat("王", 65), app.RoleViewer, good, operator.ErrName},
		"role":           {"wang", "root", good, operator.ErrRole},
		"no role":        {"wang", "", good, operator.ErrRole},
		"no password":    {"wang", app.RoleViewer, "", operator.ErrPasswordShort},
		"short password": {"wang", app.RoleViewer, "七个字符的密码", operator.ErrPasswordShort},
		"long password":  {"wang", app.RoleViewer, app.Secret(strings.Repeat("xy", 128) + "z"), operator.ErrPasswordLong},
		"own name":       {"wangwangxy", app.RoleViewer, "WangWangXY", operator.ErrPasswordIsName},
		"name and date":  {"wangxiao", app.RoleViewer, "WangXiao-1987!", operator.ErrPasswordIsName},
		"name, counted":  {"wang01", app.RoleViewer, "wang20260102", operator.ErrPasswordIsName},
		"common":         {"wang", app.RoleViewer, "wechat2026", operator.ErrPasswordCommon},
	} {
		err := d.Add(t.Context(), by, test.name, test.role, test.password)
		if app.KindOf(err) != app.Malformed || !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	everything := d.Add(t.Context(), by, "", "", "")
	for _, want := range []error{operator.ErrName, operator.ErrRole, operator.ErrPasswordShort} {
		if !errors.Is(everything, want) {
			t.Errorf("with everything wrong it does not say: %v", want)
		}
	}
	if n, err := d.store.Read().Operators(t.Context()); err != nil || n != 0 || len(d.audited()) != 0 {
		t.Errorf("%d operators, %v, %d rows", n, err, len(d.audited()))
	}
	if made := operator.Hashes(d.Accounts); made != 0 {
		t.Errorf("%d hashes were made for them", made)
	}
	long := app.Secret(strings.Repeat("很长的密码也行！", 8)) // 64 characters
	if err := d.Add(t.Context(), by, strings.Repeat("王", 64), app.RoleViewer, long); err != nil {
		t.Errorf("64 characters each: %v", err)
	}
}

func TestNamesThatLookTheSameAreTaken(t *testing.T) {
	d := newDesk(t)
	d.add("Wang", app.RoleAdmin)
	for _, name := range []string{"Wang", "wang", "ｗang", "WeChat", "command line", "Retention"} {
		if err := d.Add(t.Context(), by, name, app.RoleViewer, "long enough"); app.KindOf(err) != app.AlreadyExists {
			t.Errorf("%s beside Wang: %v", name, err)
		}
	}
}

func TestCommonPasswordsAreRefused(t *testing.T) {
	d := newDesk(t)
	d.add("alice", app.RoleAdmin)
	for _, common := range []app.Secret{
		"password", "PassWord1", "12345678", "1qaz2wsx", "qwertyuiop", "iloveyou", "woaini1314", "5201314520", "WXKeeper123",
		"wechat2026", "weixin888", "admin123", "20262026", "aaaaaaaaaaaaaaaa", "AAAAaaaa", "........", "王王王王王王王王王",
		"Password-0713!", "2031weixin!", "..qwerty77",
	} {
		err := d.SetPassword(t.Context(), by, "alice", common)
		if app.KindOf(err) != app.Malformed || !errors.Is(err, operator.ErrPasswordCommon) {
			t.Errorf("%s: %v", common.Reveal(), err)
		}
	}
	for _, good := range []app.Secret{"correct horse battery", "password of alice 7", "王小明的猫咪叫雪球", "password8402915577"} {
		if err := d.SetPassword(t.Context(), by, "alice", good); err != nil {
			t.Errorf("%s: %v", good.Reveal(), err)
		}
	}
}

func TestHashesAreFewAtOnce(t *testing.T) {
	d := newDesk(t)
	d.add("alice", app.RoleAdmin)
	giveBack := operator.TakeTurns(d.Accounts)
	results := make(chan error)
	for range operator.HashesAtOnce + operator.HashesWaiting {
		go func() {
			_, _, err := d.SignIn(t.Context(), attempt("alice", password))
			results <- err
		}()
	}
	for operator.Hashing(d.Accounts) < operator.HashesAtOnce+operator.HashesWaiting {
		runtime.Gosched() // until all of them wait
	}
	made := operator.Hashes(d.Accounts)
	_, _, err := d.SignIn(t.Context(), attempt("alice", password))
	var busy *app.Error
	if !errors.As(err, &busy) || busy.Kind != app.TooManyRequests || busy.RetryAfter <= 0 {
		t.Errorf("one more than may wait: %v", err)
	}
	if operator.Hashes(d.Accounts) != made {
		t.Error("somebody hashed out of turn")
	}
	giveBack()
	for range operator.HashesAtOnce + operator.HashesWaiting {
		if err := <-results; err != nil {
			t.Errorf("one of those who waited: %v", err)
		}
	}
	if left := operator.Hashing(d.Accounts); left != 0 {
		t.Errorf("%d places were not given back", left)
	}
}
