package app

import "time"

// KeyState is what we know about a session key, in one word.
type KeyState string

// The states of a session key.
const (
	KeyNew        KeyState = "new"        // obtained at login, neither used nor checked
	KeyConfirmed  KeyState = "confirmed"  // known to have been good lately
	KeyAging      KeyState = "aging"      // no confirmation for long: may be good or not
	KeySuspect    KeyState = "suspect"    // it failed since it was last confirmed
	KeyDead       KeyState = "dead"       // WeChat says that it is not valid
	KeySuperseded KeyState = "superseded" // a newer key is known
)

// KeyStates lists the states of a user's current key.
func KeyStates() []KeyState { return []KeyState{KeyNew, KeyConfirmed, KeyAging, KeySuspect, KeyDead} }

// Freshness is a state with the date and the fact it rests on.
type Freshness struct {
	State   KeyState
	Since   time.Time
	By      Confirmation // of a confirmed key
	Errcode int          // of a dead key: WeChat's answer
}

// Freshness derives the state of a key from what is known of it. Nothing is stored but dated facts, so that a key comes of
// age without a write. A confirmation older than aging says nothing any more.
func (k KeyRecord) Freshness(now time.Time, aging time.Duration) Freshness {
	switch {
	case !k.SupersededAt.IsZero():
		return Freshness{State: KeySuperseded, Since: k.SupersededAt}
	case !k.DeadAt.IsZero():
		return Freshness{State: KeyDead, Since: k.DeadAt, Errcode: k.DeadErrcode}
	case !k.FailedAt.IsZero():
		return Freshness{State: KeySuspect, Since: k.FailedAt}
	case now.Sub(k.KnownGoodAt()) >= aging:
		return Freshness{State: KeyAging, Since: k.KnownGoodAt(), By: k.ConfirmedBy}
	case k.ConfirmedAt.IsZero():
		return Freshness{State: KeyNew, Since: k.ObtainedAt()}
	default:
		return Freshness{State: KeyConfirmed, Since: k.ConfirmedAt, By: k.ConfirmedBy}
	}
}

// KnownGoodAt is when the key was last known to be good: when it was confirmed, or when WeChat gave it.
func (k KeyRecord) KnownGoodAt() time.Time {
	if k.ConfirmedAt.IsZero() {
		return k.ObtainedAt()
	}
	return k.ConfirmedAt
}

// Next is what a mini program should do before it collects sealed data.
type Next string

// What a mini program should do.
const (
	NextOK         Next = "ok"
	NextLoginFirst Next = "login_first"
)

// Next says whether data collected now is likely to open: under a new or a confirmed key. With any other a login first costs
// little, and brings either a good key or the news that the old one is good.
func (f Freshness) Next() Next {
	if f.State == KeyNew || f.State == KeyConfirmed {
		return NextOK
	}
	return NextLoginFirst
}
