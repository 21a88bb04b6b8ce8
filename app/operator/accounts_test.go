package operator_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/operator"
)

func TestEveryChangeIsRecorded(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	d.wantRecorded("add", func() { d.add("王", app.RoleAdmin); d.add("李", app.RoleViewer) },
		"operators.add by 王, 测试: 王: admin", "operators.add by 王, 测试: 李: viewer")
	d.wantRecorded("role", func() { must(d.SetRole(ctx, by, "李", app.RoleAdmin)) },
		"operators.set_role by 王, 测试: 李: viewer → admin")
	d.wantRecorded("the same role", func() { must(d.SetRole(ctx, by, "李", app.RoleAdmin)) })
	d.wantRecorded("password", func() { must(d.SetPassword(ctx, operator.Order{Operator: app.CommandLine}, "李", "another one")) },
		"operators.set_password by command line, : 李")
	d.wantRecorded("disable", func() { must(d.Disable(ctx, by, "李")) }, "operators.disable by 王, 测试: 李")
	d.wantRecorded("disable again", func() { must(d.Disable(ctx, by, "李")) })
	d.wantRecorded("enable", func() { must(d.Enable(ctx, by, "李")) }, "operators.enable by 王, 测试: 李")
	d.wantRecorded("enable again", func() { must(d.Enable(ctx, by, "李")) })
	d.wantRecorded("end no sessions", func() {
		_, err := d.EndSessions(ctx, by, "李", 0)
		must(err)
	})
	d.wantRecorded("refused", func() {
		long := operator.Order{Operator: "王", Reason: strings.Repeat("x", 501)}
		for what, err := range map[string]error{
			"add":      d.Add(ctx, long, "张", app.RoleAdmin, password),
			"role":     d.SetRole(ctx, long, "李", app.RoleViewer),
			"password": d.SetPassword(ctx, long, "李", password),
			"disable":  d.Disable(ctx, long, "李"),
			"no role":  d.SetRole(ctx, by, "李", "king"),
			"no good":  d.SetPassword(ctx, by, "李", "short"),
		} {
			if app.KindOf(err) != app.Malformed {
				t.Errorf("%s: %v", what, err)
			}
		}
		for what, err := range map[string]error{
			"role":    d.SetRole(ctx, by, "nobody", app.RoleAdmin),
			"disable": d.Disable(ctx, by, "nobody"),
			"enable":  d.Enable(ctx, by, "nobody"),
			"session": d.EndSession(ctx, by, "nobody", 1),
		} {
			if app.KindOf(err) != app.NotFound {
				t.Errorf("%s of nobody: %v", what, err)
			}
		}
	})
	stored := d.stored("李")
	if stored.Role != app.RoleAdmin || stored.Disabled() || !stored.CreatedAt().Equal(start) {
		t.Errorf("after all that: %+v", stored)
	}
}

func TestWhatCannotBeRecordedIsNotDone(t *testing.T) {
	d := newDesk(t)
	d.add("王", app.RoleAdmin)
	d.add("李", app.RoleViewer)
	cookie := d.signIn("李")
	before := d.stored("李")
	d.sql("ALTER TABLE audit RENAME TO gone")
	for what, err := range map[string]error{
		"add":      d.Add(t.Context(), by, "张", app.RoleAdmin, password),
		"role":     d.SetRole(t.Context(), by, "李", app.RoleAdmin),
		"password": d.SetPassword(t.Context(), by, "李", "another one"),
		"disable":  d.Disable(t.Context(), by, "李"),
		"sign out": d.SignOut(t.Context(), d.present(cookie)),
	} {
		if app.KindOf(err) != app.StorageUnavailable {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, _, err := d.SignIn(t.Context(), attempt("李", password)); app.KindOf(err) != app.StorageUnavailable {
		t.Errorf("sign in: %v", err)
	}
	d.sql("ALTER TABLE gone RENAME TO audit")
	d.wantSignedIn("after nothing happened", cookie, true)
	if after := d.stored("李"); after != before {
		t.Errorf("%+v became %+v", before, after)
	}
	if n, err := d.store.Read().Operators(t.Context()); err != nil || n != 2 {
		t.Errorf("%d accounts, %v", n, err)
	}
}

func TestTheFirstOperatorNeedsNoKeys(t *testing.T) {
	d := newFolder(t)
	d.add("王", app.RoleAdmin)
	if err := d.SetPassword(t.Context(), by, "王", "another one"); err != nil {
		t.Error(err)
	}
	keyless := d.Accounts
	d.serve()
	for what, err := range map[string]error{
		"add":      keyless.Add(t.Context(), by, "李", app.RoleAdmin, password),
		"password": keyless.SetPassword(t.Context(), by, "王", password),
		"role":     keyless.SetRole(t.Context(), by, "王", app.RoleAdmin),
		"enable":   keyless.Enable(t.Context(), by, "王"),
	} {
		if changes := what != "role" && what != "enable"; changes && (err == nil || !strings.Contains(err.Error(), "master key")) {
			t.Errorf("%s without a key in a folder that was served: %v", what, err)
		}
	}
	if rows := d.audited(); len(rows) > 0 {
		t.Errorf("recorded %+v", rows)
	}
	d.wantRecorded("with the key", func() { d.add("李", app.RoleAdmin) }, "operators.add by 王, 测试: 李: admin")
}

func TestTheLastAdminStays(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	d.add("王", app.RoleAdmin)
	d.add("李", app.RoleAdmin)
	d.add("张", app.RoleOperator)
	if err := d.Disable(ctx, by, "李"); err != nil {
		t.Fatal(err)
	}
	cookie := d.signIn("王")
	for what, err := range map[string]error{
		"disable": d.Disable(ctx, by, "王"), "to operator": d.SetRole(ctx, by, "王", app.RoleOperator),
		"to viewer": d.SetRole(ctx, by, "王", app.RoleViewer),
	} {
		var failure *app.Error
		if !errors.As(err, &failure) || failure.Kind != app.Malformed || failure.Field == "" || !errors.Is(err, operator.ErrLastAdmin) {
			t.Errorf("%s the last admin: %v", what, err)
		}
	}
	d.wantSignedIn("the last admin", cookie, true)
	// An admin who is disabled may become anything.
	if err := d.SetRole(ctx, by, "李", app.RoleViewer); err != nil {
		t.Errorf("demote a disabled admin: %v", err)
	}
	if err := d.SetRole(ctx, by, "张", app.RoleAdmin); err != nil {
		t.Fatal(err)
	}
	if err := d.SetRole(ctx, by, "王", app.RoleViewer); err != nil {
		t.Errorf("demote one of two admins: %v", err)
	}
	if err := d.Disable(ctx, by, "张"); !errors.Is(err, operator.ErrLastAdmin) {
		t.Errorf("disable the admin that is left: %v", err)
	}
}

func TestTwoAdminsCannotDisableEachOther(t *testing.T) {
	d := newDesk(t)
	d.add("王", app.RoleAdmin)
	d.add("李", app.RoleAdmin)
	for range 20 {
		results := make(chan error)
		for _, name := range []string{"王", "李"} {
			go func() { results <- d.Disable(t.Context(), by, name) }()
		}
		first, second := <-results, <-results
		if (first == nil) == (second == nil) {
			t.Fatalf("%v, %v", first, second)
		}
		if n, err := d.store.Read().EnabledAdmins(t.Context()); err != nil || n != 1 {
			t.Fatalf("%d admins, %v", n, err)
		}
		for _, name := range []string{"王", "李"} {
			if err := d.Enable(t.Context(), by, name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestChangesEndSessionsAtOnce(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	d.add("王", app.RoleAdmin)
	d.add("李", app.RoleOperator)
	bystander := d.signIn("王")
	for _, change := range []struct {
		what string
		do   func() error
	}{
		{"role", func() error { return d.SetRole(ctx, by, "李", app.RoleViewer) }},
		{"password", func() error { return d.SetPassword(ctx, by, "李", password) }},
		{"disabled", func() error { return d.Disable(ctx, by, "李") }},
	} {
		one, two := d.signIn("李"), d.signIn("李")
		d.wantSignedIn("before: "+change.what, one, true)
		if err := change.do(); err != nil {
			t.Fatal(err)
		}
		d.wantSignedIn(change.what, one, false)
		d.wantSignedIn(change.what, two, false)
	}
	if err := d.Enable(ctx, by, "李"); err != nil {
		t.Fatal(err)
	}
	d.wantSignedIn("somebody else", bystander, true)
	enabled := d.signIn("李")
	d.sql("UPDATE operators SET disabled_at = 1 WHERE name = '李'") // by whatever means
	d.wantSignedIn("a disabled operator with a session left", enabled, false)
	if _, err := d.Peek(ctx, enabled); app.KindOf(err) != app.InvalidToken {
		t.Errorf("peek: %v", err)
	}
}

func TestOwnPassword(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	d.add("李", app.RoleViewer)
	here, elsewhere := d.signIn("李"), d.signIn("李")
	present := d.present(here)

	var failure *app.Error
	err := d.ChangeOwnPassword(ctx, present, operator.Proof{Password: "wrong one"}, "another one")
	if !errors.As(err, &failure) || failure.Kind != app.Malformed || failure.Field != "password" || !errors.Is(err, operator.ErrPasswordWrong) {
		t.Errorf("with a wrong old one: %v", err)
	}
	err = d.ChangeOwnPassword(ctx, present, operator.Proof{Password: password}, "12345678")
	if !errors.As(err, &failure) || failure.Field != "password" || !errors.Is(err, operator.ErrPasswordCommon) {
		t.Errorf("to a common one: %v", err)
	}
	d.wantSignedIn("after failures", elsewhere, true)

	d.wantRecorded("change", func() {
		if err := d.ChangeOwnPassword(ctx, present, operator.Proof{Password: password}, "another one"); err != nil {
			t.Error(err)
		}
	}, "operators.set_password by 李, : 李")
	d.wantSignedIn("here", here, true)
	d.wantSignedIn("elsewhere", elsewhere, false)
	if _, _, err := d.SignIn(ctx, attempt("李", password)); app.KindOf(err) != app.InvalidToken {
		t.Errorf("the old password: %v", err)
	}
	if _, _, err := d.SignIn(ctx, attempt("李", "another one")); err != nil {
		t.Errorf("the new password: %v", err)
	}

	// What was read at the beginning of a request is not trusted at its end.
	err = d.ChangeOwnPassword(ctx, present, operator.Proof{Password: password}, "a third one")
	if app.KindOf(err) != app.InvalidToken {
		t.Errorf("with a password that was replaced meanwhile: %v", err)
	}
	present = d.present(here)
	if err := d.SignOut(ctx, present); err != nil {
		t.Fatal(err)
	}
	if err := d.ChangeOwnPassword(ctx, present, operator.Proof{Password: "another one"}, "a third one"); app.KindOf(err) != app.InvalidToken {
		t.Errorf("after signing out: %v", err)
	}
	if _, _, err := d.SignIn(ctx, attempt("李", "another one")); err != nil {
		t.Errorf("the password was changed all the same: %v", err)
	}
}

func TestOwnPasswordCannotBeGuessed(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleViewer)
	present := d.present(d.signIn("李"))
	for i := range 10 {
		err := d.ChangeOwnPassword(t.Context(), present, operator.Proof{Password: app.Secret(fmt.Sprint("wrong one ", i))}, "another one")
		if !errors.Is(err, operator.ErrPasswordWrong) {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	if err := d.ChangeOwnPassword(t.Context(), present, operator.Proof{Password: password}, "another one"); app.KindOf(err) != app.TooManyRequests {
		t.Errorf("after 10 guesses: %v", err)
	}
	d.pass(15 * time.Minute)
	if err := d.ChangeOwnPassword(t.Context(), present, operator.Proof{Password: password}, "another one"); err != nil {
		t.Errorf("15 minutes later: %v", err)
	}
}

func TestAccountsAreListedByName(t *testing.T) {
	d := newDesk(t)
	d.add("carol", app.RoleViewer)
	hash := d.stored("carol").PasswordHash
	for i, name := range []string{"alice", "bob", "王"} {
		d.sql("INSERT INTO operators (id, name, role, password_hash, disabled_at) VALUES (?, ?, 'admin', ?, 0)", i+1, name, hash.Reveal())
	}
	var names []string
	for after := ""; ; {
		page, err := d.List(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, one := range page {
			names = append(names, one.Name)
			after = one.Name
		}
	}
	if got := strings.Join(names, " "); got != "alice bob carol 王" {
		t.Errorf("listed %s", got)
	}
}
