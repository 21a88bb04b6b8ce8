package keeper

import (
	"context"
	"sync"
	"time"

	"wxkeeper/app"
)

// Verified is whom a token stands for, as a business back end asks.
type Verified struct {
	User   app.UserNumber
	OpenID app.OpenID
}

const (
	verifiedKept = 100_000                // tokens remembered, in two halves of which the older is forgotten
	verifiedFor  = 900 * time.Millisecond // after that the database is asked again: what another process revoked ends within a second
)

// verified remembers for a moment whom tokens stand for, so that asking costs no query each time. A revocation in this process
// counts at once.
type verified struct {
	lock         sync.Mutex
	epoch        uint64 // grows with every revocation: what was read before one is not remembered after it
	newer, older map[app.TokenHash]verifiedToken
}

type verifiedToken struct {
	Verified
	until time.Time
}

func newVerified() *verified { return &verified{newer: map[app.TokenHash]verifiedToken{}} }

func (v *verified) find(token app.TokenHash, now time.Time) (found Verified, ok bool, epoch uint64) {
	v.lock.Lock()
	defer v.lock.Unlock()
	known, ok := v.newer[token]
	if !ok {
		known, ok = v.older[token]
	}
	return known.Verified, ok && now.Before(known.until), v.epoch
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
	found, ok, epoch := k.verified.find(parsed.Hash(), now)
	if ok {
		return found, nil
	}
	h, err := k.recognise(ctx, caller, token)
	if err == nil {
		err = k.slide(ctx, &h)
	}
	if err != nil {
		return Verified{}, err
	}
	found = Verified{User: h.user.Number, OpenID: h.user.OpenID}
	until := now.Add(verifiedFor)
	if end, _ := k.settings.Sessions.End(h.session); end.Before(until) {
		until = end
	}
	k.verified.remember(h.hash, found, until, epoch)
	return found, nil
}
