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
	Secrets     int      // and how many other sealed values: of apps, operators, robots and webhooks
	Problems    []string // at most problemsTold, in words
	Unsaid      int      // problems beyond those
}

const problemsTold = 20

// Check reads all data as the server would: the database's own structure, every key that may still open something, every
// phone number and every other secret, and whether each nickname can be found. It changes nothing and may run beside the server.
func Check(ctx context.Context, store *db.DB, ring *db.KeyRing) (Health, error) {
	var health Health
	damage, err := store.Damage(ctx)
	if err != nil {
		return health, err
	}
	for _, line := range damage {
		health.found("database: %s", line)
	}
	broken, err := store.Read().BrokenAudit(ctx, ring)
	if err != nil {
		return health, err
	}
	if broken != 0 {
		health.found("audit log: row %d does not follow from the one before, or is missing: somebody changed, deleted or inserted rows", broken)
	}
	health.Secrets, err = store.Read().Unopened(ctx, ring, func(where string) { health.found("%s does not open", where) })
	if err != nil {
		return health, err
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

// checkUser tells a user's problems. Beside a server the user may change between one look and the next: what looks wrong is
// looked at again until the user has stood still.
func (h *Health) checkUser(ctx context.Context, store *db.DB, ring *db.KeyRing, user app.User) error {
	h.Users++
	for {
		keys, problems, err := examine(ctx, store, ring, user)
		if err != nil {
			return err
		}
		now := user
		if len(problems) > 0 {
			now, err = store.Read().UserByID(ctx, user.ID)
		}
		if app.KindOf(err) == app.NotFound {
			return nil // erased meanwhile
		}
		if err != nil {
			return err
		}
		if now.LastEvent == user.LastEvent {
			h.Keys += keys
			for _, problem := range problems {
				h.found("user %s: %s", user.Number, problem)
			}
			return nil
		}
		user = now
	}
}

// examine reads all that belongs to a user.
func examine(ctx context.Context, store *db.DB, ring *db.KeyRing, user app.User) (keys int, problems []string, err error) {
	if _, err := Phone(ring, user); err != nil {
		problems = append(problems, "the phone number does not open")
	}
	indexed, err := store.Read().NicknameIndexed(ctx, user)
	if err != nil {
		return 0, nil, err
	}
	if !indexed {
		problems = append(problems, "the nickname is missing from the search index")
	}
	records, err := store.Read().KeysOfUser(ctx, user.ID)
	for _, key := range records {
		problems = append(problems, examineKey(ring, user, key)...)
	}
	return len(records), problems, err
}

func examineKey(ring *db.KeyRing, user app.User, key app.KeyRecord) []string {
	if len(key.Sealed) == 0 {
		if key.Current() {
			return []string{"the current session key is gone"}
		}
		return nil
	}
	if _, err := sessionKey(ring, user.AppID, user.OpenID, key); err != nil {
		return []string{fmt.Sprintf("session key %s does not open", key.Fingerprint)}
	}
	return nil
}
