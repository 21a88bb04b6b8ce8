package keeper

import (
	"context"
	"fmt"

	"wxkeeper/app"
	"wxkeeper/db"
)

// Health is what a check of the data found.
type Health struct {
	Users, Keys int      // how many were looked at
	Problems    []string // at most problemsTold, in words
	Unsaid      int      // problems beyond those
}

const problemsTold = 20

// Check reads all data as the server would: the database's own structure, every key that may still open something, every
// phone number, and whether each nickname can be found. It changes nothing and may run beside the server.
func Check(ctx context.Context, store *db.DB, ring *db.KeyRing) (Health, error) {
	var health Health
	damage, err := store.Damage(ctx)
	if err != nil {
		return health, err
	}
	for _, line := range damage {
		health.found("database: %s", line)
	}
	err = eachUser(ctx, store, func(user app.User) error { return health.checkUser(ctx, store, ring, user) })
	return health, err
}

func (h *Health) found(format string, arguments ...any) {
	if len(h.Problems) == problemsTold {
		h.Unsaid++
		return
	}
	h.Problems = append(h.Problems, fmt.Sprintf(format, arguments...))
}

func (h *Health) checkUser(ctx context.Context, store *db.DB, ring *db.KeyRing, user app.User) error {
	h.Users++
	if _, err := Phone(ring, user); err != nil {
		h.found("user %s: the phone number does not open", user.Number)
	}
	indexed, err := store.Read().NicknameIndexed(ctx, user)
	if err != nil {
		return err
	}
	if !indexed {
		h.found("user %s: the nickname is missing from the search index", user.Number)
	}
	keys, err := store.Read().KeysOfUser(ctx, user.ID)
	if err != nil {
		return err
	}
	for _, key := range keys {
		h.checkKey(ring, user, key)
	}
	return nil
}

func (h *Health) checkKey(ring *db.KeyRing, user app.User, key app.KeyRecord) {
	h.Keys++
	if len(key.Sealed) == 0 {
		if key.Current() {
			h.found("user %s: the current session key is gone", user.Number)
		}
		return
	}
	text, err := ring.Open(db.KeyPlace(user.AppID, key.ID, user.OpenID), key.Sealed)
	if err == nil {
		_, err = app.NewSessionKey(string(text))
	}
	if err != nil {
		h.found("user %s: session key %s does not open", user.Number, key.Fingerprint)
	}
}
