package keeper

import (
	"context"
	"sync"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// Verified is whom a token stands for, as a business back end asks.
type Verified struct {
	User      app.UserNumber
	OpenID    app.OpenID
	IssuedAt  time.Time
	ExpiresAt time.Time // if it is not used again
}

const (
	verifiedKept = 100_000                // tokens remembered, in two halves of which the older is forgotten
	verifiedFor  = 900 * time.Millisecond // since nobody else had written: what another process revokes ends within a second
	askedAgain   = verifiedFor / 2        // from then on one caller asks, while the others go on
	askingTakes  = verifiedFor / 4        // at most: with a disk that hangs the database is read instead
)

// verified remembers whom tokens stand for, so that asking costs no query each time. A revocation in this process counts at once.
// What another process may have revoked is found out by asking whether anybody else has written at all: where that is so,
// everything is forgotten.
type verified struct {
	lock         sync.Mutex
	epoch        uint64 // grows with every revocation: what was read before one is not remembered after it
	newer, older map[app.TokenHash]verifiedToken

	asking    sync.Mutex // held by whoever asks whether another process has written
	elsewhere int64      // what the storage answered last
	alone     time.Time  // until when nobody else had written since
}

type verifiedToken struct {
	Verified
	until time.Time // the session ends, or its use is to be noted
}

func newVerified() *verified { return &verified{newer: map[app.TokenHash]verifiedToken{}} }

func (v *verified) find(token app.TokenHash, now time.Time) (found Verified, ok bool, epoch uint64) {
	v.lock.Lock()
	defer v.lock.Unlock()
	known, ok := v.newer[token]
	if !ok {
		known, ok = v.older[token]
	}
	return known.Verified, ok && now.Before(known.until) && now.Sub(v.alone) < verifiedFor, v.epoch
}

// askElsewhere asks, where the last answer is growing old, whether another process has written.
func (v *verified) askElsewhere(ctx context.Context, store *db.DB, now time.Time) {
	if now.Sub(v.aloneUntil()) < askedAgain || !v.asking.TryLock() {
		return
	}
	defer v.asking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, askingTakes)
	defer cancel()
	if elsewhere, err := store.WrittenElsewhere(ctx); err == nil {
		v.noteElsewhere(elsewhere, now)
	}
}

func (v *verified) aloneUntil() time.Time {
	v.lock.Lock()
	defer v.lock.Unlock()
	return v.alone
}

func (v *verified) noteElsewhere(elsewhere int64, at time.Time) {
	v.lock.Lock()
	defer v.lock.Unlock()
	if elsewhere != v.elsewhere {
		v.clear()
	}
	v.elsewhere, v.alone = elsewhere, at
}

func (v *verified) remember(token app.TokenHash, found Verified, until time.Time, epoch uint64) {
	v.lock.Lock()
	defer v.lock.Unlock()
	if epoch != v.epoch {
		return
	}
	if len(v.newer) >= verifiedKept/2 {
		v.newer, v.older = map[app.TokenHash]verifiedToken{}, v.newer
	}
	v.newer[token] = verifiedToken{found, until}
}

// forget drops one token.
func (v *verified) forget(token app.TokenHash) {
	v.lock.Lock()
	defer v.lock.Unlock()
	v.epoch++
	delete(v.newer, token)
	delete(v.older, token)
}

// forgetAll drops every token: for revocations that concern more than one.
func (v *verified) forgetAll() {
	v.lock.Lock()
	defer v.lock.Unlock()
	v.clear()
}

func (v *verified) clear() {
	v.epoch++
	v.newer, v.older = map[app.TokenHash]verifiedToken{}, nil
}

// Verify tells whom a token stands for, and keeps its session alive.
func (k *Keeper) Verify(ctx context.Context, caller app.Caller, token string) (Verified, error) {
	parsed, err := app.ParseToken(token)
	if err != nil {
		k.strangers.record(k.clock(), k.event(caller, app.TokenUnknown))
		return Verified{}, err
	}
	now := k.clock()
	k.verified.askElsewhere(ctx, k.store, now)
	found, ok, epoch := k.verified.find(parsed.Hash(), now)
	if ok {
		return found, nil
	}
	h, err := k.holderOf(ctx, caller, token)
	if err == nil {
		err = k.slide(ctx, &h)
	}
	if err != nil {
		return Verified{}, err
	}
	end, _ := k.settings.Sessions.End(h.session)
	found = Verified{User: h.user.Number, OpenID: h.user.OpenID, IssuedAt: h.session.CreatedAt(), ExpiresAt: end}
	until := end
	if noted := h.session.SeenAt.Add(k.settings.Sessions.Grain()); noted.Before(until) {
		until = noted
	}
	k.verified.remember(h.hash, found, until, epoch)
	return found, nil
}
