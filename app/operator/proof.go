package operator

import (
	"context"
	"strconv"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// ProofLife is how long somebody who proved who they are is believed in that session. A sign-in is such a proof.
const ProofLife = 5 * time.Minute

// Proof is what shows that whoever sits at the browser is still the one who signed in.
type Proof struct {
	Password app.Secret
	Code     string // a one-time code or a recovery code, where one-time codes are on
}

// Proven says whether whoever is signed in has proved who they are lately.
func (a *Accounts) Proven(present Present) bool {
	since := a.clock().Sub(present.Session.ProvedAt)
	return since >= 0 && since < ProofLife
}

// Prove takes the proof of whoever is signed in, and notes it in their session. Malformed: the password is wrong (field password,
// ErrPasswordWrong), or the code is (field code, ErrCodeWrong). TooManyRequests: too many were wrong. InvalidToken: they are signed
// out meanwhile.
func (a *Accounts) Prove(ctx context.Context, present Present, proof Proof) error {
	if err := a.provePassword(ctx, present, proof.Password); err != nil {
		return err
	}
	now := a.clock()
	note := func(tx *db.Tx) error {
		err := tx.NoteProof(present.Session.ID, now)
		if app.KindOf(err) == app.NotFound {
			return notSignedIn()
		}
		return err
	}
	if !present.Operator.TOTP() {
		return a.store.Write(ctx, note)
	}
	return a.withCode(ctx, present.Operator, present.source(), proof.Code, note)
}

func (a *Accounts) provePassword(ctx context.Context, present Present, password app.Secret) error {
	fits, err := a.verify(ctx, present.Operator, present.source(), password)
	if err == nil && !fits {
		err = app.FailField(app.Malformed, "", "password").Because(ErrPasswordWrong)
	}
	return err
}

// source is where the proofs of a session come from. Its browser is known by the session itself.
func (p Present) source() source {
	return source{p.Operator.Name, p.Session.Address, strconv.FormatInt(int64(p.Session.ID), 10)}
}
