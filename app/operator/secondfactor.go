package operator

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// What can be wrong with a one-time code.
var (
	ErrCodeWrong = errors.New("the one-time code is wrong or was used before")
	ErrTooLate   = errors.New("that took too long: begin anew")
	ErrTOTPOn    = errors.New("one-time codes are on already")
)

// offerLife is how long somebody may take to set up an authenticator.
const offerLife = 30 * time.Minute

// Offer is what an authenticator needs to make one-time codes. It is in force once its first code was given.
type Offer struct {
	Seed    app.Secret // base32
	Address app.Secret // for a QR code
	Sealed  app.Secret // to come back with the first code
}

// sealedOffer is what an offer's Sealed holds.
type sealedOffer struct {
	Seed string
	At   time.Time
}

func offerPlace(to app.Operator) db.Place {
	return db.Place{Table: "totp offer", Row: app.ID(to.ID), Owner: app.OpenID(to.Name)}
}

// OfferTOTP offers a new seed to whoever is signed in, under the name of an issuer that their authenticator shows. Nothing is
// stored.
func (a *Accounts) OfferTOTP(present Present, issuer string) (Offer, error) {
	return a.offer(present, issuer, newSeed())
}

// OfferTOTPAgain shows an offer once more. Malformed: it is none, or older than half an hour (ErrTooLate).
func (a *Accounts) OfferTOTPAgain(present Present, issuer string, sealed app.Secret) (Offer, error) {
	seed, err := a.readOffer(present, sealed)
	if err != nil {
		return Offer{}, err
	}
	offer, err := a.offer(present, issuer, seed)
	offer.Sealed = sealed
	return offer, err
}

func (a *Accounts) offer(present Present, issuer string, seed app.Secret) (Offer, error) {
	address, err := otpauth(issuer, present.Operator.Name, seed)
	if err != nil {
		return Offer{}, err
	}
	sealed, err := a.sealText(offerPlace(present.Operator), sealedOffer{seed.Reveal(), a.clock()})
	return Offer{Seed: seed, Address: address, Sealed: sealed}, err
}

func (a *Accounts) readOffer(present Present, sealed app.Secret) (app.Secret, error) {
	var offer sealedOffer
	err := a.openText(offerPlace(present.Operator), sealed, &offer)
	if err != nil || a.clock().Sub(offer.At) > offerLife {
		return "", app.FailField(app.Malformed, "", "offer").Because(ErrTooLate)
	}
	return app.Secret(offer.Seed), nil
}

// TurnOnTOTP puts an offer into force: from now on signing in takes a one-time code too. It gives the recovery codes, which
// cannot be had again, and ends the operator's other sessions.
//
// Malformed: the password is wrong (ErrPasswordWrong), the code is not of the offer (ErrCodeWrong), or the offer is none any more
// (ErrTooLate). AlreadyExists: one-time codes are on (ErrTOTPOn). TooManyRequests: too many wrong passwords.
func (a *Accounts) TurnOnTOTP(ctx context.Context, present Present, sealed app.Secret, proof Proof) ([]app.Secret, error) {
	who := present.Operator
	seed, err := a.readOffer(present, sealed)
	if err != nil {
		return nil, err
	}
	if err := a.provePassword(ctx, present, proof.Password); err != nil {
		return nil, err
	}
	now := a.clock()
	step, fits := stepOf(seed, plainCode(proof.Code), now)
	if !fits {
		return nil, codeRefused()
	}
	kept := a.ring.Seal(db.TOTPPlace(who), []byte(seed.Reveal()))
	codes, hashes := newRecoveryCodes(who.ID)
	err = a.changeOwn(ctx, present, app.ActionTurnOnTOTP, func(tx *db.Tx, found app.Operator) error {
		if found.TOTP() {
			return app.Fail(app.AlreadyExists, "").Because(ErrTOTPOn)
		}
		if err := tx.SetOperatorTOTP(found.ID, kept, step, now); err != nil {
			return err
		}
		if err := tx.ReplaceRecoveryCodes(found.ID, hashes, now); err != nil {
			return err
		}
		if err := tx.NoteProof(present.Session.ID, now); err != nil {
			return err
		}
		return endAll(tx, found, present.Session.ID)
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// TurnOffTOTP lets whoever is signed in do without one-time codes, once they have given the password and a code. It fails as Prove
// does.
func (a *Accounts) TurnOffTOTP(ctx context.Context, present Present, proof Proof) error {
	if err := a.Prove(ctx, present, proof); err != nil {
		return err
	}
	return a.changeOwn(ctx, present, app.ActionTurnOffTOTP, func(tx *db.Tx, found app.Operator) error {
		return tx.ClearOperatorTOTP(found.ID)
	})
}

// NewRecoveryCodes gives whoever has just proved who they are other recovery codes; those before work no more. NotFound: one-time
// codes are off. Forbidden: they have not proved it.
func (a *Accounts) NewRecoveryCodes(ctx context.Context, present Present) ([]app.Secret, error) {
	if !a.Proven(present) {
		return nil, app.Fail(app.Forbidden, "")
	}
	codes, hashes := newRecoveryCodes(present.Operator.ID)
	now := a.clock()
	err := a.changeOwn(ctx, present, app.ActionNewRecovery, func(tx *db.Tx, found app.Operator) error {
		if !found.TOTP() {
			return app.Fail(app.NotFound, "")
		}
		return tx.ReplaceRecoveryCodes(found.ID, hashes, now)
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// RecoveryCodes counts the recovery codes that whoever is signed in may still use.
func (a *Accounts) RecoveryCodes(ctx context.Context, present Present) (int, error) {
	return a.store.Read().RecoveryCodes(ctx, present.Operator.ID)
}

// ResetTOTP turns one-time codes off for an account whose owner has lost them, and ends its sessions; where they are off it does
// nothing. NotFound: nobody has the name.
func (a *Accounts) ResetTOTP(ctx context.Context, order Order, name string) error {
	return a.change(ctx, order, name, app.ActionResetTOTP, func(tx *db.Tx, found app.Operator) (string, error) {
		if !found.TOTP() {
			return "", nil
		}
		if err := tx.ClearOperatorTOTP(found.ID); err != nil {
			return "", err
		}
		return name, endAll(tx, found, 0)
	})
}

// changeOwn does something to the account of whoever is signed in, if they still are, and records it.
func (a *Accounts) changeOwn(
	ctx context.Context, present Present, action app.Action, work func(*db.Tx, app.Operator) error,
) error {
	now := a.clock()
	name := present.Operator.Name
	return a.change(ctx, Order{Operator: name}, name, action, func(tx *db.Tx, found app.Operator) (string, error) {
		err := tx.SlideOperatorSession(present.Session.ID, now)
		if app.KindOf(err) == app.NotFound {
			return "", notSignedIn()
		}
		if err != nil {
			return "", err
		}
		return name, work(tx, found)
	})
}

func newRecoveryCodes(of app.OperatorID) (codes []app.Secret, hashes [][]byte) {
	for range recoveryCodes {
		code := newRecoveryCode()
		codes = append(codes, code)
		hashes = append(hashes, recoveryHash(of, plainCode(code.Reveal())))
	}
	return codes, hashes
}

func codeRefused() error { return app.FailField(app.Malformed, "", "code").Because(ErrCodeWrong) }

// withCode does the work for which an operator gives a one-time code or a recovery code, which is used up by it. Malformed: the code
// is wrong (ErrCodeWrong). TooManyRequests: too many were, for that name from that address or from that address at all.
func (a *Accounts) withCode(ctx context.Context, who app.Operator, from source, code string, work func(*db.Tx) error) error {
	at := a.clock()
	failed, wait := a.codes.count(from, at)
	if wait > 0 {
		a.signIns.Add(SignInLimited, 1)
		if a.codes.exhausted(who.Name, at) {
			a.guesses.code(who, at)
		}
		return app.Fail(app.TooManyRequests, "").After(wait)
	}
	use, err := a.readCode(ctx, who, code, at)
	if err == nil {
		err = a.store.Write(ctx, func(tx *db.Tx) error {
			if err := use(tx); err != nil {
				return err
			}
			return work(tx)
		})
	}
	if errors.Is(err, ErrCodeWrong) {
		a.signIns.Add(SignInWrongCode, 1)
		a.log.WarnContext(ctx, "wrong one-time code", "failed", failed, "operator", who.Name, "address", from.address)
		return err
	}
	a.codes.forgive(from, at)
	if err == nil {
		a.signIns.Add(SignInGood, 1)
	}
	return err
}

// readCode finds out what a code is, and gives what uses it up. InvalidToken: one-time codes are off by now, which ended all sessions.
func (a *Accounts) readCode(ctx context.Context, who app.Operator, code string, at time.Time) (use func(*db.Tx) error, err error) {
	plain := plainCode(code)
	if isRecovery(plain) {
		hash := recoveryHash(who.ID, plain)
		return func(tx *db.Tx) error { return a.useRecovery(ctx, tx, who, hash) }, nil
	}
	sealed, err := a.store.Read().OperatorTOTP(ctx, who)
	if app.KindOf(err) == app.NotFound {
		return nil, notSignedIn()
	}
	if err != nil {
		return nil, err
	}
	seed, err := a.ring.Open(db.TOTPPlace(who), sealed)
	if err != nil {
		return nil, fmt.Errorf("seed of one-time codes: %w", err)
	}
	step, fits := stepOf(app.Secret(seed), plain, at)
	if !fits {
		return nil, codeRefused()
	}
	return func(tx *db.Tx) error { return wrongIfUsed(tx.UseTOTPStep(who, step)) }, nil
}

func (a *Accounts) useRecovery(ctx context.Context, tx *db.Tx, who app.Operator, hash []byte) error {
	if err := wrongIfUsed(tx.UseRecoveryCode(who.ID, hash)); err != nil {
		return err
	}
	left, err := tx.RecoveryCodes(ctx, who.ID)
	if err != nil {
		return err
	}
	return a.audit(ctx, tx, Order{Operator: who.Name}, app.ActionUseRecovery, fmt.Sprintf("%s: %d", who.Name, left))
}

func wrongIfUsed(err error) error {
	if app.KindOf(err) == app.NotFound {
		return codeRefused()
	}
	return err
}

// sealText turns a value into text that only we can read or make, bound to a place. It is for what a browser keeps for us.
func (a *Accounts) sealText(place db.Place, value any) (app.Secret, error) {
	sealed, err := a.ring.SealValue(place, value)
	return app.Secret(base64.RawURLEncoding.EncodeToString(sealed)), err
}

func (a *Accounts) openText(place db.Place, sealed app.Secret, value any) error {
	bytes, err := base64.RawURLEncoding.DecodeString(sealed.Reveal())
	if err != nil {
		return err
	}
	return a.ring.OpenValue(place, bytes, value)
}
