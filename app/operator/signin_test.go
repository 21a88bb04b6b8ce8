package operator_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/operator"
)

func TestSignIn(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	if !d.stored("李").SignedInAt.IsZero() {
		t.Error("signed in before the first time")
	}
	d.pass(time.Hour)
	var cookie app.Secret
	d.wantRecorded("sign in", func() {
		who, given, err := d.SignIn(t.Context(), operator.Attempt{
			Name: "李", Password: password, Address: "2001:db8::1", Browser: "Fire\nfox/140 " + strings.Repeat("x", 1000),
		})
		if err != nil || who.Name != "李" || who.Role != app.RoleOperator {
			t.Fatalf("%+v, %v", who, err)
		}
		cookie = given
	}, "operators.sign_in by 李, : 2001:db8::1")
	if len(cookie) != 43 { // 256 bits as base64url
		t.Errorf("the cookie has %d characters", len(cookie))
	}
	present := d.present(cookie)
	if present.Operator.Name != "李" || present.Session.OperatorID != present.Operator.ID || present.Session.Address != "2001:db8::1" ||
		!strings.HasPrefix(present.Session.Browser, "Firefox/140 x") || len(present.Session.Browser) > 256 ||
		!present.Session.CreatedAt().Equal(start.Add(time.Hour)) {
		t.Errorf("%+v", present)
	}
	if at := d.stored("李").SignedInAt; !at.Equal(start.Add(time.Hour)) {
		t.Errorf("signed in at %v", at)
	}
	if text := fmt.Sprintf("%v %+v %s", present, present.Operator, cookie); strings.Contains(text, "argon2id") || strings.Contains(text, cookie.Reveal()) {
		t.Errorf("a secret is printed: %s", text)
	}
}

func TestOnlyTheHashOfACookieIsStored(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	cookie := d.signIn("李")
	found := 0
	for _, column := range []string{"id_hash", "address", "browser", "sealed_values"} {
		value := readColumn(d, column)
		if strings.Contains(value, cookie.Reveal()) {
			t.Errorf("the cookie stands in %s", column)
		}
		if column == "id_hash" {
			found = len(value)
		}
	}
	if found != 32 {
		t.Errorf("the hash has %d bytes", found)
	}
	for _, forged := range []app.Secret{"", cookie[1:], cookie + "=", app.Secret(readColumn(d, "id_hash")), app.Secret(strings.ToUpper(cookie.Reveal()))} {
		if _, err := d.Session(t.Context(), forged); app.KindOf(err) != app.InvalidToken {
			t.Errorf("%q is a cookie: %v", forged.Reveal(), err)
		}
	}
}

func TestEveryRefusalIsTheSame(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	d.add("gone", app.RoleOperator)
	if err := d.Disable(t.Context(), by, "gone"); err != nil {
		t.Fatal(err)
	}
	d.wantRecorded("refusals", func() {
		for name, one := range map[string]operator.Attempt{
			"wrong password":       attempt("李", "wrong password"),
			"empty password":       attempt("李", ""),
			"long password":        attempt("李", app.Secret(strings.Repeat("x", 100_000))),
			"unknown name":         attempt("nobody", password),
			"unknown, empty":       attempt("nobody", ""),
			"empty name":           attempt("", password),
			"not UTF-8":            attempt("李\xff", password),
			"another case":         attempt("GONE", password),
			"disabled":             attempt("gone", password),
			"disabled, wrong":      attempt("gone", "wrong password"),
			"the stored hash":      attempt("李", d.stored("李").PasswordHash),
			"password of no bytes": attempt("nobody", app.Secret(make([]byte, 32))),
		} {
			one.Address = "192.0.2." + fmt.Sprint(len(name)) // so that no limit is met
			made := operator.Hashes(d.Accounts)
			who, cookie, err := d.SignIn(t.Context(), one)
			if app.KindOf(err) != app.InvalidToken || err.Error() != "invalid token: name or password is wrong" {
				t.Errorf("%s: %v", name, err)
			}
			if who != (app.Operator{}) || cookie != "" {
				t.Errorf("%s: it gives %+v and a cookie %v", name, who, cookie != "")
			}
			if made := operator.Hashes(d.Accounts) - made; made != 1 {
				t.Errorf("%s: %d hashes were made", name, made)
			}
		}
	})
}

func TestLogNamesNobodyUnknown(t *testing.T) {
	d := newDesk(t)
	d.add("alice", app.RoleOperator)
	for name, secret := range map[string]app.Secret{"my-real-password": "x", "alice": "mistyped password"} {
		one := attempt(name, secret)
		one.Address = "198.51.100.7"
		if _, _, err := d.SignIn(t.Context(), one); app.KindOf(err) != app.InvalidToken {
			t.Fatal(err)
		}
		log := d.log.String()
		if strings.Contains(log, "my-real-password") || strings.Contains(log, "mistyped") || !strings.Contains(log, "failed=1") {
			t.Errorf("%s: logged %s", name, log)
		}
		if known := name == "alice"; known != strings.Contains(log, "operator=alice") || known != strings.Contains(log, "198.51.100.7") {
			t.Errorf("%s: logged %s", name, log)
		}
		d.log.Reset()
	}
}

func TestLimitsComeBeforeTheWork(t *testing.T) {
	d := newDesk(t)
	d.add("alice", app.RoleOperator)
	for i := range 10 {
		d.pass(time.Second)
		if _, _, err := d.SignIn(t.Context(), attempt("alice", app.Secret(fmt.Sprint("guess ", i)))); app.KindOf(err) != app.InvalidToken {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	made := operator.Hashes(d.Accounts)
	for _, secret := range []app.Secret{password, "guess"} {
		_, _, err := d.SignIn(t.Context(), attempt("alice", secret))
		var limited *app.Error
		if !errors.As(err, &limited) || limited.Kind != app.TooManyRequests || limited.RetryAfter != 15*time.Minute-9*time.Second {
			t.Errorf("after 10 guesses: %v, %+v", err, limited)
		}
	}
	if operator.Hashes(d.Accounts) != made {
		t.Error("a limited try was hashed")
	}
	elsewhere := attempt("alice", password)
	elsewhere.Address = "192.0.2.2"
	if _, _, err := d.SignIn(t.Context(), elsewhere); err != nil {
		t.Errorf("a stranger locked her out: %v", err)
	}
	for i := range 10 {
		if _, _, err := d.SignIn(t.Context(), attempt(fmt.Sprint("name ", i), "guess")); app.KindOf(err) != app.InvalidToken {
			t.Fatalf("name %d: %v", i, err)
		}
	}
	if _, _, err := d.SignIn(t.Context(), attempt("bob", "guess")); app.KindOf(err) != app.TooManyRequests {
		t.Errorf("after 20 guesses from one address: %v", err)
	}
	d.pass(15*time.Minute - 9*time.Second)
	if _, _, err := d.SignIn(t.Context(), attempt("alice", password)); err != nil {
		t.Errorf("when the wait is over: %v", err)
	}
}

func TestWhoIsLimitedDoesNotWaitForATurn(t *testing.T) {
	d := newDesk(t)
	for i := range 10 {
		if _, _, err := d.SignIn(t.Context(), attempt("alice", "guess")); app.KindOf(err) != app.InvalidToken {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	defer operator.TakeTurns(d.Accounts)()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, _, err := d.SignIn(ctx, attempt("alice", "guess"))
	var limited *app.Error
	if !errors.As(err, &limited) || limited.Kind != app.TooManyRequests || limited.RetryAfter != 15*time.Minute {
		t.Errorf("it says %v, %+v", err, limited)
	}
}

func TestTriesThatWaitTogetherAreLimitedTogether(t *testing.T) {
	d := newDesk(t)
	giveBack := operator.TakeTurns(d.Accounts)
	const tries = operator.HashesAtOnce + operator.HashesWaiting
	results := make(chan error)
	for range tries {
		go func() {
			_, _, err := d.SignIn(t.Context(), attempt("alice", "guess"))
			results <- err
		}()
	}
	for operator.Hashing(d.Accounts) < tries {
		runtime.Gosched()
	}
	giveBack()
	kinds := map[app.Kind]int{}
	for range tries {
		kinds[app.KindOf(<-results)]++
	}
	if made := operator.Hashes(d.Accounts); made != 10 || kinds[app.InvalidToken] != 10 || kinds[app.TooManyRequests] != tries-10 {
		t.Errorf("%d hashes, answers %v", made, kinds)
	}
}

func TestTheRightPasswordOfADisabledAccountIsAFailure(t *testing.T) {
	d := newDesk(t)
	d.add("gone", app.RoleOperator)
	if err := d.Disable(t.Context(), by, "gone"); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if _, _, err := d.SignIn(t.Context(), attempt("gone", password)); app.KindOf(err) != app.InvalidToken {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	if _, _, err := d.SignIn(t.Context(), attempt("gone", password)); app.KindOf(err) != app.TooManyRequests {
		t.Errorf("after 10 tries: %v", err)
	}
}

func TestSigningInOftenIsNoFailure(t *testing.T) {
	d := newDesk(t)
	d.add("alice", app.RoleOperator)
	for range 11 {
		d.signIn("alice")
	}
}

func TestWaitingForATurnEndsWithTheContext(t *testing.T) {
	d := newDesk(t)
	d.add("alice", app.RoleOperator)
	giveBack := operator.TakeTurns(d.Accounts)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, _, err := d.SignIn(ctx, attempt("alice", "wrong password"))
		ended <- err
	}()
	for operator.Hashing(d.Accounts) == 0 {
		runtime.Gosched()
	}
	cancel()
	if err := <-ended; app.KindOf(err) != app.TooManyRequests {
		t.Errorf("it ended with %v", err)
	}
	giveBack()
	if left := operator.Hashing(d.Accounts); left != 0 {
		t.Errorf("%d places were not given back", left)
	}
	for i := range 10 { // who never had a turn has not failed
		if _, _, err := d.SignIn(t.Context(), attempt("alice", "wrong password")); app.KindOf(err) != app.InvalidToken {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
}

func TestANewIDAtEachSignIn(t *testing.T) {
	d := newDesk(t)
	d.add("alice", app.RoleOperator)
	d.add("bob", app.RoleOperator)
	other := d.signIn("alice")
	first := d.signIn("alice")
	for _, name := range []string{"alice", "bob"} { // also when another operator takes over the browser
		again := attempt(name, password)
		again.Cookie = first
		_, second, err := d.SignIn(t.Context(), again)
		if err != nil || second == first {
			t.Fatalf("the same cookie: %v, %v", second == first, err)
		}
		d.wantSignedIn("the old cookie", first, false)
		d.wantSignedIn("the new cookie", second, true)
		if present := d.present(second); present.Operator.Name != name {
			t.Errorf("%s is %s", name, present.Operator.Name)
		}
		first = second
	}
	d.wantSignedIn("another browser", other, true)
	refused := attempt("alice", "wrong password")
	refused.Cookie = first
	if _, _, err := d.SignIn(t.Context(), refused); err == nil {
		t.Fatal("signed in")
	}
	d.wantSignedIn("the cookie of a refused try", first, true)
}

func TestChangesDuringASignInCount(t *testing.T) {
	d := newDesk(t)
	d.add("root", app.RoleAdmin)
	d.add("alice", app.RoleOperator)
	for what, change := range map[string]string{
		"disabled":     "UPDATE operators SET disabled_at = 1 WHERE name = 'alice'",
		"new password": "UPDATE operators SET disabled_at = 0, password_hash = 'other' WHERE name = 'alice'",
	} {
		d.sql("DELETE FROM operators WHERE name = 'alice'")
		d.add("alice", app.RoleOperator)
		giveBack := operator.TakeTurns(d.Accounts)
		ended := make(chan error)
		go func() {
			_, _, err := d.SignIn(t.Context(), attempt("alice", password))
			ended <- err
		}()
		for operator.Hashing(d.Accounts) == 0 {
			runtime.Gosched()
		}
		d.sql(change) // the account has been read, the password not yet compared
		giveBack()
		if err := <-ended; app.KindOf(err) != app.InvalidToken {
			t.Errorf("%s: %v", what, err)
		}
		if n := len(d.audited()); n == 0 || d.audited()[n-1].Action == app.ActionSignIn {
			t.Errorf("%s: a sign-in is recorded", what)
		}
	}
}

func TestManySignInsAtOnce(t *testing.T) {
	d := newDesk(t)
	d.add("alice", app.RoleOperator)
	d.add("bob", app.RoleOperator)
	const each = 6
	var running sync.WaitGroup
	cookies := make(chan app.Secret, 2*each)
	for i := range 2 * each {
		running.Go(func() {
			name := []string{"alice", "bob"}[i%2]
			one := attempt(name, password)
			if i >= each {
				one.Password = "wrong password"
			}
			one.Address = fmt.Sprint("192.0.2.", i)
			who, cookie, err := d.SignIn(t.Context(), one)
			if good := i < each; good != (err == nil) || good != (who.Name == name) {
				t.Errorf("%d: %+v, %v", i, who, err)
			}
			if err == nil {
				cookies <- cookie
			}
		})
	}
	running.Wait()
	close(cookies)
	different := map[app.Secret]bool{}
	for cookie := range cookies {
		different[cookie] = true
		d.wantSignedIn("one of many", cookie, true)
	}
	if len(different) != each || len(d.audited()) != 2+each {
		t.Errorf("%d cookies, %d rows", len(different), len(d.audited()))
	}
}
