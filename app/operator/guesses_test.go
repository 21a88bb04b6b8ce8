package operator_test

import (
	"fmt"
	"testing"

	"wxkeeper/app"
	"wxkeeper/app/operator"
)

// Whoever has the operator's name and shares the operator's address cannot keep the operator out of a browser that is known; and
// whoever tries one name from many addresses is told of, once.
func TestStrangersLockNobodyOutAndAreToldOf(t *testing.T) {
	d := newDesk(t)
	d.add("alice", app.RoleAdmin)
	good := attempt("alice", password)
	who, _, err := d.SignIn(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	if good.Device, err = d.Device(who); err != nil {
		t.Fatal(err)
	}
	for range 15 {
		_, _, _ = d.SignIn(t.Context(), attempt("alice", "a guess"))
	}
	stranger := attempt("alice", password)
	if _, _, err := d.SignIn(t.Context(), stranger); app.KindOf(err) != app.TooManyRequests {
		t.Errorf("a browser nobody knows: %v", err)
	}
	if _, _, err := d.SignIn(t.Context(), good); err != nil {
		t.Errorf("the operator's own browser: %v", err)
	}
	forged := stranger
	for _, device := range []app.Secret{"x", "A" + good.Device, good.Device[:len(good.Device)-4]} {
		forged.Device = device
		if _, _, err := d.SignIn(t.Context(), forged); app.KindOf(err) != app.TooManyRequests {
			t.Errorf("a forged browser: %v", err)
		}
	}
	for i := range 12 {
		guess := attempt("alice", "a guess")
		guess.Address = fmt.Sprintf("10.0.0.%d", i)
		_, _, _ = d.SignIn(t.Context(), guess)
	}
	select {
	case <-d.GuessingNoticed():
	default:
		t.Error("nobody notices")
	}
	for range 2 {
		if err := d.TellOfGuessing(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	told := 0
	rows := d.audited()
	for _, row := range rows {
		if row.Action == app.ActionPasswordGuessed && row.Operator == app.ByStranger && row.Detail == "alice" {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times: %v", told, rows)
	}
	for result, n := range d.SignIns().Each() {
		if want := map[operator.SignInResult]bool{operator.SignInWrongCode: true}; n == 0 && !want[result] {
			t.Errorf("%s is not counted", result)
		}
	}
}

// Codes guessed at from many addresses end at the account's limit, and the audit log says so; the operator's own browser passes.
func TestGuessedCodesAreToldOf(t *testing.T) {
	d := newDesk(t)
	d.add("alice", app.RoleAdmin)
	present := d.present(d.signIn("alice"))
	device, err := d.Device(present.Operator)
	if err != nil {
		t.Fatal(err)
	}
	seed, _ := d.turnOn(present)
	ticket, limited := d.ticket("alice"), 0
	for i := range 60 {
		if _, err := d.withCode(ticket, "000000", fmt.Sprintf("10.0.%d.1", i)); app.KindOf(err) == app.TooManyRequests {
			limited++
		}
	}
	if limited != 10 {
		t.Errorf("%d of 60 guesses from as many addresses were turned away", limited)
	}
	own := attempt("alice", "")
	own.Device = device
	if _, _, err := d.SignInWithCode(t.Context(), ticket, d.nextCode(seed), own); err != nil {
		t.Errorf("the operator's own browser: %v", err)
	}
	d.wantRecorded("telling of it", func() {
		if err := d.TellOfGuessing(t.Context()); err != nil {
			t.Error(err)
		}
	}, "operators.code_guessed by stranger, : alice")
}
