package keeper

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// Import says what becomes of the users of another system who are moved in.
type Import struct {
	Order  Order
	Format Format // "": what the first line looks like
	DryRun bool   // look at everything, change nothing; remembers whom it would have stored
	// Refused is told every line that cannot be used, in the order of the file.
	Refused func(line int, why string)
	// Progress is told how far it has come, after each batch.
	Progress func(Imported)
}

// Imported counts lines by what became of them.
type Imported struct {
	Lines   int `json:"lines"`
	New     int `json:"new"`
	Changed int `json:"changed"` // users known before who learnt something
	Same    int `json:"same"`    // nothing new, or something newer is known
	Keys    int `json:"keys"`    // session keys that came along and were taken
	Left    int `json:"left"`    // users of another mini program, and those who were erased here
	Refused int `json:"refused"` // lines that cannot be used
}

// importedAtOnce is how many users are stored in one transaction: a login beside waits for no more.
const importedAtOnce = 100

// ImportUsers stores users of another system, from CSV with a header or from one JSON object a line, as Export writes them too. Nothing
// replaces what is known here and newer: what was learnt from WeChat is kept, and a session key counts by its date. It may be
// repeated, and runs beside the server. It holds a batch of lines in memory; when its context ends, what is done stays done.
func (k *Keeper) ImportUsers(ctx context.Context, from io.Reader, work Import) (Imported, error) {
	var done Imported
	if err := work.Order.check(); err != nil {
		return done, err
	}
	lines, err := newUserLines(from, work.Format, k.clock())
	if err != nil {
		return done, err
	}
	if err := k.auditImport(ctx, work, "begun"); err != nil {
		return done, err
	}
	var dry *pretended
	if work.DryRun {
		dry = &pretended{users: map[app.OpenID]pretendedUser{}, owners: map[string]app.UserID{}, external: map[app.UserID]string{}}
	}
	for more := true; more && err == nil; {
		if err = ctx.Err(); err != nil {
			break
		}
		var some []userLine
		if some, more, err = lines.batch(importedAtOnce); err == nil {
			err = k.importBatch(ctx, some, work, dry, &done)
		}
		if work.Progress != nil {
			work.Progress(done)
		}
	}
	told, _ := json.Marshal(done) // a few numbers never fail
	if failed := k.auditImport(context.WithoutCancel(ctx), work, string(told)); err == nil {
		err = failed
	}
	return done, err
}

func (k *Keeper) auditImport(ctx context.Context, work Import, detail string) error {
	if work.DryRun {
		return nil
	}
	return k.store.Write(ctx, func(tx *db.Tx) error { return k.audit(tx, work.Order, app.ActionImport, 0, detail) })
}

// fate is what becomes of one line.
type fate uint8

const (
	userSame fate = iota
	userNew
	userChanged
	userLeft
	userElsewise // somebody changed the user meanwhile: look again
)

// importBatch stores users. Whoever changed between the look at them and the write is looked at again.
func (k *Keeper) importBatch(ctx context.Context, some []userLine, work Import, dry *pretended, done *Imported) error {
	for len(some) > 0 {
		var prepared []movedIn
		for _, line := range some {
			one, err := k.prepareMove(ctx, line, dry)
			if err != nil {
				return err
			}
			prepared = append(prepared, one)
		}
		if err := k.storeOrPretend(ctx, prepared, dry); err != nil {
			return err
		}
		some = some[:0]
		for _, one := range prepared {
			if one.fate == userElsewise {
				some = append(some, one.line)
				continue
			}
			done.add(one, work.Refused)
		}
	}
	return nil
}

func (k *Keeper) storeOrPretend(ctx context.Context, batch []movedIn, dry *pretended) error {
	if dry != nil {
		return storeMoved(batch, dry.store)
	}
	return k.store.Write(ctx, func(tx *db.Tx) error {
		return storeMoved(batch, func(one movedIn) (bool, error) { return k.storeOneMoved(ctx, tx, one) })
	})
}

func (d *Imported) add(one movedIn, refused func(int, string)) {
	d.Lines++
	switch {
	case one.line.problem != "":
		d.Refused++
		if refused != nil {
			refused(one.line.number, one.line.problem)
		}
	case one.fate == userNew:
		d.New++
	case one.fate == userChanged:
		d.Changed++
	case one.fate == userLeft:
		d.Left++
	default:
		d.Same++
	}
	if one.takesKey && (one.fate == userNew || one.fate == userChanged) {
		d.Keys++
	}
}

// movedIn is a user as a line will have them, with all cryptography done.
type movedIn struct {
	line     userLine
	before   app.User // zero: not known yet
	after    app.User
	key      app.KeyRecord
	takesKey bool
	external string // "": as it is
	fate     fate
}

// prepareMove says what a line means for its user.
func (k *Keeper) prepareMove(ctx context.Context, line userLine, dry *pretended) (movedIn, error) {
	one := movedIn{line: line}
	if line.problem != "" {
		return one, nil
	}
	if line.appid != "" && line.appid != k.app.Appid {
		one.fate = userLeft
		return one, nil
	}
	read := k.store.Read()
	before, err := dry.userByOpenID(ctx, read, k.app.ID, line.openid)
	switch {
	case app.KindOf(err) == app.NotFound:
		erased, err := read.Erased(ctx, k.ring, k.app.ID, line.openid)
		if err != nil || !erased.IsZero() {
			one.fate = userLeft
			return one, err
		}
		one.fate, one.after = userNew, k.newcomer(line)
	case err != nil:
		return one, err
	default:
		one.before, one.after = before, before
	}
	if err := k.learnFrom(ctx, line, &one, dry); err != nil {
		return one, err
	}
	return one, nil
}

// newcomer is a user whom nobody here knew. The number people said aloud in another installation of ours stays, if it can.
func (k *Keeper) newcomer(line userLine) app.User {
	now := k.clock()
	first := orElse(line.firstSeen, now)
	user := app.User{
		ID: app.UserID(app.NewID(first)), AppID: k.app.ID, OpenID: line.openid, Number: line.user,
		LastSeenAt: later(first, line.lastSeen),
	}
	if line.disabled {
		user.DisabledAt = now
	}
	return user
}

func orElse(at, otherwise time.Time) time.Time {
	if at.IsZero() {
		return otherwise
	}
	return at
}

// learnFrom adds to a user what is not known of them yet. What WeChat has told has a date, and stays; so does what was withdrawn.
func (k *Keeper) learnFrom(ctx context.Context, line userLine, one *movedIn, dry *pretended) error {
	after := &one.after
	if after.UnionID == "" {
		after.UnionID = line.unionid
	}
	if after.ProfileAt.IsZero() && !line.profile.Anonymous() {
		after.Profile = line.profile
	}
	if line.phone.PureNumber != "" && after.PhoneAt.IsZero() && string(after.Phone.Hash) != string(k.ring.PhoneHash(line.phone.PureNumber)) {
		sealed, err := k.sealPhone(*after, line.phone)
		if err != nil {
			return err
		}
		after.Phone = sealed
	}
	if err := k.learnExternalID(ctx, line, one, dry); err != nil {
		return err
	}
	if err := k.learnKey(ctx, line, one, dry); err != nil {
		return err
	}
	if one.fate != userNew && (!same(one.before, one.after) || one.takesKey || one.external != "") {
		one.fate = userChanged
	}
	return nil
}

// same says whether a user stays as they are, in what a line can change.
func same(before, after app.User) bool {
	return before.UnionID == after.UnionID && before.Profile == after.Profile && string(before.Phone.Hash) == string(after.Phone.Hash)
}

func (k *Keeper) learnExternalID(ctx context.Context, line userLine, one *movedIn, dry *pretended) error {
	if line.external == "" {
		return nil
	}
	owner, err := dry.ownerOf(ctx, k.store.Read(), k.app.ID, line.external)
	switch {
	case app.KindOf(err) == app.NotFound:
		one.external = line.external
		return nil
	case err == nil && owner != one.before.ID:
		one.line.problem = "the external id is another user's already"
	}
	return err
}

// learnKey takes a session key that is newer than the one known.
func (k *Keeper) learnKey(ctx context.Context, line userLine, one *movedIn, dry *pretended) error {
	if line.key.Reveal() == "" {
		return nil
	}
	id := app.KeyID(app.NewID(line.keyAt))
	one.key = app.KeyRecord{
		ID: id, UserID: one.after.ID, AskedAt: line.keyAt, Fingerprint: k.ring.Fingerprint(line.key),
		Sealed: k.ring.Seal(db.KeyPlace(k.app.ID, id, line.openid), []byte(line.key.Reveal())),
	}
	var known []app.KeyRecord
	var err error
	if one.before.ID != 0 {
		known, err = dry.keysOfUser(ctx, k.store.Read(), one.before)
	}
	one.takesKey = err == nil && takes(one.key, known)
	return err
}

// takes says whether a key becomes the current one: unless it was known before, or one that is no older is.
func takes(key app.KeyRecord, known []app.KeyRecord) bool {
	for _, one := range known {
		if one.Fingerprint == key.Fingerprint || one.Current() && !one.AskedAt.Before(key.AskedAt) {
			return false
		}
	}
	return true
}

// storeMoved stores a batch one after another. It may run more than once, and says of each user what became of them.
func storeMoved(batch []movedIn, store func(movedIn) (stored bool, err error)) error {
	openids := map[app.OpenID]bool{}
	for i := range batch {
		one := &batch[i]
		if one.fate == userElsewise { // in an earlier run of this very write
			one.fate = userChanged
			if one.before.ID == 0 {
				one.fate = userNew
			}
		}
		if one.line.problem != "" || one.fate != userNew && one.fate != userChanged {
			continue
		}
		if openids[one.line.openid] { // twice in one batch: the second sees what the first has stored
			one.fate = userElsewise
			continue
		}
		openids[one.line.openid] = true
		stored, err := store(*one)
		if err != nil {
			return fmt.Errorf("line %d: %w", one.line.number, err)
		}
		if !stored {
			one.fate = userElsewise
		}
	}
	return nil
}

// storeOneMoved writes one user. False: they are not as they were when it was decided what to write.
func (k *Keeper) storeOneMoved(ctx context.Context, tx *db.Tx, one movedIn) (bool, error) {
	if free, err := k.externalFree(ctx, tx, one); err != nil || !free {
		return false, err
	}
	before, err := tx.UserByOpenID(ctx, k.app.ID, one.line.openid)
	switch {
	case app.KindOf(err) == app.NotFound && one.before.ID == 0:
		if before, err = k.insertMoved(ctx, tx, one.after); err != nil || before.ID == 0 {
			return false, err
		}
		one.after = before
	case err != nil && app.KindOf(err) == app.NotFound, err == nil && one.before.ID == 0:
		return false, nil
	case err != nil:
		return false, err
	case before.LastEvent != one.before.LastEvent:
		return false, nil
	default:
		before = one.before
	}
	if one.external != "" {
		if err := tx.SetExternalID(k.app.ID, before.ID, one.external); err != nil {
			return false, err
		}
	}
	event := k.event(app.Caller{}, app.UserImported)
	if one.takesKey {
		event.Reason, event.Fingerprint = app.KeyImported, one.key.Fingerprint
	}
	if one.fate == userNew { // stored with all there is, so that nothing changes any more
		if err := tx.AddUserChanges(k.clock(), app.Changes(app.User{}, one.after, event.Reason)); err != nil {
			return false, err
		}
	}
	_, stored, err := k.replaceUser(tx, before, one.after, k.clock(), event)
	if err != nil || !stored || !one.takesKey {
		return stored, err
	}
	known, err := tx.KeysOfUser(ctx, before.ID)
	if err != nil {
		return false, err
	}
	_, err = k.placeKey(ctx, tx, app.KeyIsNew, one.key, known, k.clock())
	return err == nil, err
}

// externalFree says whether nobody else has been given the external id meanwhile, as a line before this one may have.
func (k *Keeper) externalFree(ctx context.Context, tx *db.Tx, one movedIn) (bool, error) {
	if one.external == "" {
		return true, nil
	}
	_, err := tx.UserByExternalID(ctx, k.app.ID, one.external)
	if app.KindOf(err) == app.NotFound {
		return true, nil
	}
	return false, err
}

// insertMoved stores a new user. None is stored, and the user without an id given, where the id drawn is taken.
func (k *Keeper) insertMoved(ctx context.Context, tx *db.Tx, user app.User) (app.User, error) {
	_, err := tx.UserByID(ctx, user.ID)
	if err == nil {
		return app.User{}, nil
	}
	if app.KindOf(err) != app.NotFound {
		return app.User{}, err
	}
	if user.Number != 0 {
		if _, err := tx.UserByNumber(ctx, k.app.ID, user.Number); err == nil {
			user.Number = 0
		} else if app.KindOf(err) != app.NotFound {
			return app.User{}, err
		}
	}
	if user.Number == 0 {
		if user.Number, err = k.freeNumber(ctx, tx); err != nil {
			return app.User{}, err
		}
	}
	if err := tx.InsertUser(user); err != nil {
		return app.User{}, err
	}
	return tx.UserByID(ctx, user.ID) // with the app's generation
}
