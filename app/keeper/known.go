package keeper

import (
	"context"

	"wxkeeper/app"
	"wxkeeper/db"
)

// Known is a user with what may be known only where nothing is real.
type Known struct {
	User  app.User
	Phone app.Phone // zero: none is stored
	Key   app.SessionKey
	Facts app.KeyRecord // of that key; zero, as the key is: the user has none
}

// knownAtOnce is how many users are read at once.
const knownAtOnce = 500

// EachKnown calls visit for every user with their current session key, decrypted. It is for the emulator of WeChat, which has to know
// what WeChat would.
func EachKnown(ctx context.Context, store *db.DB, ring *db.KeyRing, visit func(Known) error) error {
	for after := app.UserID(0); ; {
		users, err := store.Read().UsersAfter(ctx, after, knownAtOnce)
		if err != nil || len(users) == 0 {
			return err
		}
		for _, user := range users {
			known, err := knownOf(ctx, store.Read(), ring, user)
			if err == nil {
				err = visit(known)
			}
			if err != nil {
				return err
			}
		}
		after = users[len(users)-1].ID
	}
}

func knownOf(ctx context.Context, read *db.Queries, ring *db.KeyRing, user app.User) (Known, error) {
	known := Known{User: user}
	keys, err := read.KeysOfUser(ctx, user.ID)
	if err != nil {
		return known, err
	}
	if len(keys) > 0 && keys[0].Current() && len(keys[0].Sealed) > 0 {
		known.Facts = keys[0]
		if known.Key, err = sessionKey(ring, user.AppID, user.OpenID, keys[0]); err != nil {
			return known, err
		}
	}
	known.Phone, err = Phone(ring, user)
	return known, err
}
