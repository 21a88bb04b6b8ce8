package operator_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/pquerna/otp/totp"

	"wxkeeper/app"
	"wxkeeper/app/operator"
)

// code is what an authenticator with a seed shows now.
func (d *desk) code(seed app.Secret) string {
	d.t.Helper()
	code, err := totp.GenerateCode(seed.Reveal(), d.clock())
	if err != nil {
		d.t.Fatal(err)
	}
	return code
}

// turnOn turns one-time codes on for whoever is signed in, and goes on to the next code.
func (d *desk) turnOn(present operator.Present) (seed app.Secret, recovery []app.Secret) {
	d.t.Helper()
	offer, err := d.OfferTOTP(present, "wxkeeper")
	if err != nil {
		d.t.Fatal(err)
	}
	recovery, err = d.TurnOnTOTP(d.t.Context(), present, offer.Sealed, operator.Proof{Password: password, Code: d.code(offer.Seed)})
	if err != nil {
		d.t.Fatal(err)
	}
	d.pass(30 * time.Second)
	return offer.Seed, recovery
}

// ticket gives the password of an account that signs in with one-time codes.
func (d *desk) ticket(name string) app.Secret {
	d.t.Helper()
	_, cookie, err := d.SignIn(d.t.Context(), attempt(name, password))
	var due operator.CodeDue
	if !errors.As(err, &due) || cookie != "" {
		d.t.Fatalf("no code is asked for: %v", err)
	}
	return due.Ticket
}

// withCode is the second step from an address.
func (d *desk) withCode(ticket app.Secret, code, address string) (app.Secret, error) {
	who := attempt("", "")
	who.Address = address
	_, cookie, err := d.SignInWithCode(d.t.Context(), ticket, code, who)
	return cookie, err
}

func (d *desk) wantFailure(what string, err, cause error, kind app.Kind) {
	d.t.Helper()
	if app.KindOf(err) != kind || cause != nil && !errors.Is(err, cause) {
		d.t.Errorf("%s: %v", what, err)
	}
}

func TestSignInWithOneTimeCodes(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	other, cookie := d.signIn("李"), d.signIn("李")
	var seed app.Secret
	rows := d.recorded(func() { seed, _ = d.turnOn(d.present(cookie)) })
	if len(rows) != 1 || rows[0].Action != app.ActionTurnOnTOTP || rows[0].Operator != "李" || rows[0].Detail != "李" {
		t.Errorf("recorded %+v", rows)
	}
	d.pass(-30 * time.Second)
	d.wantSignedIn("the browser that turned it on", cookie, true)
	d.wantSignedIn("another", other, false)
	var used app.Secret
	d.wantRecorded("the password alone", func() { used = d.ticket("李") })
	_, err := d.withCode(used, d.code(seed), "192.0.2.1")
	d.wantFailure("the code that turned it on", err, operator.ErrCodeWrong, app.Malformed)
	d.pass(30 * time.Second)
	code := d.code(seed)
	_, err = d.withCode(used, "000000", "192.0.2.1")
	d.wantFailure("a wrong code", err, operator.ErrCodeWrong, app.Malformed)
	d.wantRecorded("the second step", func() {
		entered, err := d.withCode(used, " "+code[:3]+" "+code[3:], "192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		d.wantSignedIn("both steps", entered, true)
	}, "operators.sign_in by 李, : 192.0.2.1")
	_, err = d.withCode(d.ticket("李"), code, "192.0.2.1")
	d.wantFailure("a code for the second time", err, operator.ErrCodeWrong, app.Malformed)
	d.pass(30 * time.Second)
	later := d.code(seed)
	d.pass(-30 * time.Second)
	if _, err = d.withCode(d.ticket("李"), later, "192.0.2.1"); err != nil {
		t.Errorf("a phone that is 30 seconds ahead: %v", err)
	}
	d.pass(30 * time.Second)
	_, err = d.withCode(d.ticket("李"), later, "192.0.2.1")
	d.wantFailure("that code in its own time", err, operator.ErrCodeWrong, app.Malformed)
}

// A code that is sent many times at once lets one of them in.
func TestOneCodeSignsInOnce(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	seed, recovery := d.turnOn(d.present(d.signIn("李")))
	given := d.ticket("李")
	for what, code := range map[string]string{"one-time code": d.code(seed), "recovery code": recovery[3].Reveal()} {
		entered := make(chan app.Secret, 8)
		var all sync.WaitGroup
		for range cap(entered) {
			all.Go(func() {
				if cookie, err := d.withCode(given, code, "192.0.2.1"); err == nil {
					entered <- cookie
				} else if !errors.Is(err, operator.ErrCodeWrong) && app.KindOf(err) != app.TooManyRequests {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if len(entered) != 1 {
			t.Errorf("%d were let in by one %s", len(entered), what)
		}
	}
}

func TestRecoveryCodes(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	present := d.present(d.signIn("李"))
	_, codes := d.turnOn(present)
	seen := map[app.Secret]bool{}
	for _, code := range codes {
		seen[code] = true
	}
	if len(seen) != 10 {
		t.Fatalf("%d recovery codes", len(seen))
	}
	d.wantRecorded("a recovery code", func() {
		if _, err := d.withCode(d.ticket("李"), strings.ToUpper(codes[0].Reveal()), "192.0.2.1"); err != nil {
			t.Error(err)
		}
	}, "operators.recovery_used by 李, : 李: 9", "operators.sign_in by 李, : 192.0.2.1")
	_, err := d.withCode(d.ticket("李"), codes[0].Reveal(), "192.0.2.1")
	d.wantFailure("a recovery code for the second time", err, operator.ErrCodeWrong, app.Malformed)
	d.add("other", app.RoleOperator)
	_, theirs := d.turnOn(d.present(d.signIn("other")))
	_, err = d.withCode(d.ticket("李"), theirs[0].Reveal(), "192.0.2.1")
	d.wantFailure("somebody else's", err, operator.ErrCodeWrong, app.Malformed)

	present = d.present(d.signInByCode("李", codes[1]))
	var fresh []app.Secret
	d.wantRecorded("new codes", func() {
		if fresh, err = d.NewRecoveryCodes(t.Context(), present); err != nil {
			t.Fatal(err)
		}
	}, "operators.recovery_new by 李, : 李")
	_, err = d.withCode(d.ticket("李"), codes[2].Reveal(), "192.0.2.1")
	d.wantFailure("one of the old set", err, operator.ErrCodeWrong, app.Malformed)
	if _, err = d.withCode(d.ticket("李"), fresh[0].Reveal(), "192.0.2.1"); err != nil {
		t.Errorf("one of the new set: %v", err)
	}
	d.pass(operator.ProofLife)
	_, err = d.NewRecoveryCodes(t.Context(), present)
	d.wantFailure("new codes without a proof", err, nil, app.Forbidden)
}

func (d *desk) signInByCode(name string, code app.Secret) app.Secret {
	d.t.Helper()
	cookie, err := d.withCode(d.ticket(name), code.Reveal(), "192.0.2.1")
	if err != nil {
		d.t.Fatal(err)
	}
	return cookie
}

func TestSeedAndCodesAreNowhereInTheFolder(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	seed, recovery := d.turnOn(d.present(d.signIn("李")))
	files, err := filepath.Glob(filepath.Join(d.folder, "wxkeeper.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range append(recovery, seed) {
			if bytes.Contains(content, []byte(secret.Reveal())) || bytes.Contains(content, []byte(strings.ReplaceAll(secret.Reveal(), "-", ""))) {
				t.Errorf("%s holds a secret in clear", file)
			}
		}
	}
	if text := d.log.String(); strings.Contains(text, seed.Reveal()) {
		t.Error("the log holds the seed")
	}
	d.add("other", app.RoleAdmin)
	d.turnOn(d.present(d.signIn("other")))
	d.sql(`UPDATE operators SET totp_sealed = (SELECT totp_sealed FROM operators WHERE name = '李') WHERE name = 'other'`)
	if _, err := d.withCode(d.ticket("other"), d.code(seed), "192.0.2.1"); err == nil || errors.Is(err, operator.ErrCodeWrong) {
		t.Errorf("a seed moved to another row opens: %v", err)
	}
}

func TestTurningOn(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	d.add("other", app.RoleOperator)
	present := d.present(d.signIn("李"))
	offer, err := d.OfferTOTP(present, "wxkeeper 测试")
	if err != nil || !strings.HasPrefix(offer.Address.Reveal(), "otpauth://totp/wxkeeper%20") || !strings.Contains(offer.Address.Reveal(), offer.Seed.Reveal()) {
		t.Fatalf("%v, %v", offer.Address.Reveal(), err)
	}
	theirs, err := d.OfferTOTP(d.present(d.signIn("other")), "wxkeeper")
	if err != nil {
		t.Fatal(err)
	}
	turnOn := func(sealed, secret app.Secret, code string) error {
		_, err := d.TurnOnTOTP(t.Context(), present, sealed, operator.Proof{Password: secret, Code: code})
		return err
	}
	d.wantRecorded("mistakes", func() {
		d.wantFailure("wrong password", turnOn(offer.Sealed, "wrong one", d.code(offer.Seed)), operator.ErrPasswordWrong, app.Malformed)
		d.wantFailure("wrong code", turnOn(offer.Sealed, password, "000000"), operator.ErrCodeWrong, app.Malformed)
		d.wantFailure("no code", turnOn(offer.Sealed, password, ""), operator.ErrCodeWrong, app.Malformed)
		d.wantFailure("somebody else's offer", turnOn(theirs.Sealed, password, d.code(theirs.Seed)), operator.ErrTooLate, app.Malformed)
		d.wantFailure("no offer", turnOn("", password, d.code(offer.Seed)), operator.ErrTooLate, app.Malformed)
		d.pass(31 * time.Minute)
		present = d.present(d.signIn("李"))
		d.wantFailure("an old offer", turnOn(offer.Sealed, password, d.code(offer.Seed)), operator.ErrTooLate, app.Malformed)
	}, "operators.sign_in by 李, : 192.0.2.1")
	d.turnOn(present)
	fresh, err := d.OfferTOTP(present, "wxkeeper")
	if err != nil {
		t.Fatal(err)
	}
	d.wantFailure("a second time", turnOn(fresh.Sealed, password, d.code(fresh.Seed)), operator.ErrTOTPOn, app.AlreadyExists)
}

func TestTurningOffAndResetting(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	cookie := d.signIn("李")
	seed, recovery := d.turnOn(d.present(cookie))
	turnOff := func(secret app.Secret, code string) error {
		return d.TurnOffTOTP(t.Context(), d.present(cookie), operator.Proof{Password: secret, Code: code})
	}
	d.wantRecorded("mistakes", func() {
		d.wantFailure("wrong password", turnOff("wrong one", d.code(seed)), operator.ErrPasswordWrong, app.Malformed)
		d.wantFailure("without a code", turnOff(password, ""), operator.ErrCodeWrong, app.Malformed)
	})
	d.wantRecorded("turning off", func() {
		if err := turnOff(password, d.code(seed)); err != nil {
			t.Fatal(err)
		}
	}, "operators.totp_off by 李, : 李")
	d.wantSignedIn("the browser that turned it off", cookie, true)
	cookie = d.signIn("李") // by the password alone
	d.turnOn(d.present(cookie))
	waiting := d.ticket("李")
	d.wantRecorded("reset", func() {
		if err := errors.Join(d.ResetTOTP(t.Context(), by, "李"), d.ResetTOTP(t.Context(), by, "李")); err != nil {
			t.Fatal(err)
		}
	}, "operators.totp_reset by 王, 测试: 李")
	d.wantSignedIn("who was reset", cookie, false)
	_, err := d.withCode(waiting, recovery[0].Reveal(), "192.0.2.1")
	d.wantFailure("a ticket from before", err, operator.ErrTooLate, app.InvalidToken)
	d.signIn("李")
	d.wantFailure("nobody's", d.ResetTOTP(t.Context(), by, "nobody"), nil, app.NotFound)
}

func TestTickets(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	seed, _ := d.turnOn(d.present(d.signIn("李")))
	good := d.ticket("李")
	for what, forged := range map[string]app.Secret{"none": "", "a cookie": d.signInByCode("李", app.Secret(d.code(seed))), "a changed one": good[1:]} {
		_, err := d.withCode(forged, "000000", "192.0.2.1")
		d.wantFailure(what, err, operator.ErrTooLate, app.InvalidToken)
	}
	d.pass(5*time.Minute + time.Second)
	_, err := d.withCode(good, d.code(seed), "192.0.2.1")
	d.wantFailure("an old one", err, operator.ErrTooLate, app.InvalidToken)
	fresh := d.ticket("李")
	if err := d.SetPassword(t.Context(), by, "李", "another horse"); err != nil {
		t.Fatal(err)
	}
	_, err = d.withCode(fresh, d.code(seed), "192.0.2.1")
	d.wantFailure("one of another password", err, operator.ErrTooLate, app.InvalidToken)
}

func TestGuessingCodesIsLimitedByNameAndAddress(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	seed, _ := d.turnOn(d.present(d.signIn("李")))
	given := d.ticket("李")
	for i := range 10 {
		_, err := d.withCode(given, fmt.Sprintf("%06d", i), "198.51.100.7")
		d.wantFailure("a guess", err, operator.ErrCodeWrong, app.Malformed)
	}
	_, err := d.withCode(given, d.code(seed), "198.51.100.7")
	d.wantFailure("the right code after ten guesses", err, nil, app.TooManyRequests)
	if _, err := d.withCode(given, d.code(seed), "192.0.2.1"); err != nil {
		t.Errorf("the owner elsewhere is locked out: %v", err)
	}
}

func TestProof(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleAdmin)
	cookie := d.signIn("李")
	if !d.Proven(d.present(cookie)) {
		t.Error("a sign-in is no proof")
	}
	d.pass(operator.ProofLife)
	if d.Proven(d.present(cookie)) {
		t.Error("a proof lasts for ever")
	}
	prove := func(secret app.Secret, code string) error {
		return d.Prove(t.Context(), d.present(cookie), operator.Proof{Password: secret, Code: code})
	}
	d.wantFailure("wrong password", prove("wrong one", ""), operator.ErrPasswordWrong, app.Malformed)
	if err := prove(password, ""); err != nil || !d.Proven(d.present(cookie)) {
		t.Errorf("%v", err)
	}
	other := d.signIn("李")
	d.pass(operator.ProofLife)
	seed, _ := d.turnOn(d.present(cookie))
	d.wantSignedIn("the other browser", other, false)
	d.pass(operator.ProofLife)
	d.wantFailure("without the code", prove(password, ""), operator.ErrCodeWrong, app.Malformed)
	if d.Proven(d.present(cookie)) {
		t.Error("the password alone is a proof")
	}
	if err := prove(password, d.code(seed)); err != nil || !d.Proven(d.present(cookie)) {
		t.Errorf("%v", err)
	}
	elsewhere := d.signInByCode("李", app.Secret(d.nextCode(seed)))
	d.pass(operator.ProofLife)
	if err := prove(password, d.code(seed)); err != nil {
		t.Fatal(err)
	}
	if d.Proven(d.present(elsewhere)) {
		t.Error("the proof of one browser counts in another")
	}
	for range 10 {
		d.wantFailure("guess", prove("wrong one", ""), operator.ErrPasswordWrong, app.Malformed)
	}
	d.wantFailure("after ten guesses", prove(password, d.code(seed)), nil, app.TooManyRequests)
}

// nextCode waits for the next code.
func (d *desk) nextCode(seed app.Secret) string {
	d.pass(30 * time.Second)
	return d.code(seed)
}

func TestPasswordsAreHashedAnewAtOtherCosts(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	before := d.stored("李").PasswordHash
	d.signIn("李")
	if d.stored("李").PasswordHash != before {
		t.Error("hashed anew at the same costs")
	}
	weak, err := argon2id.CreateHash(password.Reveal(), &argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	if err != nil {
		t.Fatal(err)
	}
	d.sql(`UPDATE operators SET password_hash = ?`, weak)
	if _, _, err := d.SignIn(t.Context(), attempt("李", "wrong one")); err == nil {
		t.Error("a wrong password fits")
	}
	if d.stored("李").PasswordHash != app.Secret(weak) {
		t.Error("a wrong password was stored")
	}
	cookie := d.signIn("李")
	costs, _, _, err := argon2id.DecodeHash(d.stored("李").PasswordHash.Reveal())
	if err != nil || *costs != operator.HashParameters {
		t.Errorf("%+v, %v", costs, err)
	}
	d.wantSignedIn("after it", cookie, true)
	d.signIn("李")
}

func TestAuditCheck(t *testing.T) {
	d := newDesk(t)
	d.add("李", app.RoleOperator)
	run := func() {
		t.Helper()
		if err := d.CheckAudit(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	run()
	known, err := d.store.Read().AuditCheck(t.Context())
	if err != nil || known.CheckedTo != 1 || known.BrokenAt != 0 || known.CheckedBy != "" || !known.CheckedAt.Equal(start) || !known.BeganAt.IsZero() {
		t.Errorf("%+v, %v", known, err)
	}
	head, err := d.store.Read().AuditHead(t.Context())
	if err != nil || !strings.Contains(d.log.String(), operator.AuditHead(head)) {
		t.Errorf("the head %s is not in the log: %s, %v", operator.AuditHead(head), d.log, err)
	}
	d.wantRecorded("asking", func() {
		if err := d.AskForAuditCheck(t.Context(), by); err != nil {
			t.Fatal(err)
		}
	}, "audit.check by 王, 测试: ")
	select {
	case <-d.AuditCheckWanted():
	default:
		t.Error("nobody is woken")
	}
	d.sql(`UPDATE audit SET reason = 'another' WHERE sequence = 2`)
	run()
	known, err = d.store.Read().AuditCheck(t.Context())
	if err != nil || known.BrokenAt != 2 || known.CheckedTo != 1 || known.CheckedBy != "王" || known.WantedBy != "" {
		t.Errorf("%+v, %v", known, err)
	}
	if !strings.Contains(d.log.String(), "tampered") {
		t.Errorf("the log does not say so: %s", d.log)
	}
}
