package operator

// Hashes tells how many password hashes were made.
func Hashes(a *Accounts) int64 { return a.hasher.done.Load() }

// TakeTurns takes all turns at hashing until the returned function is called.
func TakeTurns(a *Accounts) (giveBack func()) {
	for range hashesAtOnce {
		a.hasher.turns <- struct{}{}
	}
	return func() {
		for range hashesAtOnce {
			<-a.hasher.turns
		}
	}
}

// Hashing tells how many callers hash or wait to.
func Hashing(a *Accounts) int { return len(a.hasher.room) }

// What every new hash costs, and what is compared with where there is no account.
var (
	HashParameters = hashParameters
	NobodysHash    = nobodysHash(&hashParameters)
)

const (
	HashesAtOnce  = hashesAtOnce
	HashesWaiting = hashesWaiting
)
