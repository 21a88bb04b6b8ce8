package keeper

import (
	"sync"
	"time"

	"wxkeeper/app"
)

const (
	rememberedUsers = 12_000           // at most, in two halves of which the older is forgotten
	rememberedFor   = 10 * time.Minute // then a half is forgotten; whoever comes again meanwhile is remembered anew
)

// memory remembers what was last read or written of those who lately logged in or opened something, as it is stored: session keys stay
// sealed. Nothing that it says is ever answered. It only saves reading before a write that is compare and swap over the user's last event:
// whatever ends a session or changes which keys are there leaves an event, disables, erases or forces a new login, so that a write that
// succeeds proves what was remembered, whoever else has written meanwhile.
//
// A user is remembered with one token, that of the last write: with the next write what is known of any other token is out of date.
type memory struct {
	lock         sync.Mutex
	epoch        uint64 // grows when all is forgotten: what was known before is not remembered after it
	newer, older remembering
	turn         *time.Timer // nil: nothing is remembered
}

// remembering is one half.
type remembering struct {
	owners map[app.TokenHash]app.OpenID
	users  map[app.OpenID]rememberedUser
}

type rememberedUser struct {
	token app.TokenHash
	known []byte // a recollection, encoded: thousands of users with all their texts would keep the collector busy
}

// recollection is what is remembered of a user.
type recollection struct {
	session app.Session // without what its client told
	user    app.User
	keys    []app.KeyRecord // newest first
	allKeys bool            // not those with material alone
}

func newRemembering() remembering {
	return remembering{owners: map[app.TokenHash]app.OpenID{}, users: map[app.OpenID]rememberedUser{}}
}

func newMemory() *memory { return &memory{newer: newRemembering(), older: newRemembering()} }

// byToken tells what is remembered of the owner of a token. The epoch goes with what is learnt from now on.
func (m *memory) byToken(token app.TokenHash) (known recollection, ok bool, epoch uint64) {
	m.lock.Lock()
	found, ok := m.newer.byToken(token)
	if !ok {
		found, ok = m.older.byToken(token)
	}
	epoch = m.epoch
	m.lock.Unlock()
	if ok {
		known = decoded(found.known)
	}
	return known, ok, epoch
}

func (r remembering) byToken(token app.TokenHash) (rememberedUser, bool) {
	found, ok := r.users[r.owners[token]]
	return found, ok && found.token == token
}

// now is the epoch of what is learnt from now on.
func (m *memory) now() uint64 {
	m.lock.Lock()
	defer m.lock.Unlock()
	return m.epoch
}

// byOpenID tells what is remembered of a user.
func (m *memory) byOpenID(openid app.OpenID) (known recollection, ok bool, epoch uint64) {
	m.lock.Lock()
	found, ok := m.newer.users[openid]
	if !ok {
		found, ok = m.older.users[openid]
	}
	epoch = m.epoch
	m.lock.Unlock()
	if ok {
		known = decoded(found.known)
	}
	return known, ok, epoch
}

// remember notes what was known of a user after a write.
func (m *memory) remember(token app.TokenHash, known recollection, epoch uint64) {
	code := encoded(known)
	m.lock.Lock()
	defer m.lock.Unlock()
	if epoch != m.epoch {
		return
	}
	if m.turn == nil {
		m.turn = time.AfterFunc(rememberedFor, m.grow)
	}
	if len(m.newer.users) >= rememberedUsers/2 {
		m.newer, m.older = newRemembering(), m.newer
	}
	m.older.forget(known.user.OpenID)
	m.newer.forget(known.user.OpenID)
	m.newer.owners[token] = known.user.OpenID
	m.newer.users[known.user.OpenID] = rememberedUser{token, code}
}

func (r remembering) forget(openid app.OpenID) {
	delete(r.owners, r.users[openid].token)
	delete(r.users, openid)
}

// grow forgets the older half, until nothing is left.
func (m *memory) grow() {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.turn == nil {
		return // all was forgotten meanwhile
	}
	m.newer, m.older = newRemembering(), m.newer
	if len(m.older.users) == 0 {
		m.turn = nil
		return
	}
	m.turn.Reset(rememberedFor)
}

// forgetAll forgets everybody: for erasure, and at the end.
func (m *memory) forgetAll() {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.epoch++
	m.newer, m.older = newRemembering(), newRemembering()
	if m.turn != nil {
		m.turn.Stop()
		m.turn = nil
	}
}
