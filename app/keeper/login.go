package keeper

import (
	"context"
	"errors"
	"slices"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// Login is what a mini program gets for a good code.
type Login struct {
	Token     app.Token
	ExpiresIn time.Duration // until the session ends if it is not used again
	User      app.UserNumber

	// For back ends alone.
	OpenID  app.OpenID
	UnionID app.UnionID // as far as it is known
	New     bool        // this login made the user
}

// Login trades a code of wx.login for a token. Callers that bring the same code while WeChat's answer is awaited share the
// answer, and each gets a token of its own. Once WeChat has answered, the key is stored even if the caller has gone: the code
// is spent, and the key may be the user's only good one.
func (k *Keeper) Login(ctx context.Context, caller app.Caller, code string) (Login, error) {
	return k.login(ctx, caller, code, false)
}

// Prefetch trades a code that WeChat's servers sent at a cold start (数据预拉取), so that the key it may have replaced is not
// lost. Nobody gets a token for it.
func (k *Keeper) Prefetch(ctx context.Context, caller app.Caller, code string) error {
	_, err := k.login(ctx, caller, code, true)
	return err
}

func (k *Keeper) login(ctx context.Context, caller app.Caller, code string, prefetch bool) (Login, error) {
	answer, first, err := k.exchange(ctx, caller, code)
	if err != nil {
		return Login{}, err
	}
	a := k.prepare(caller, answer)
	a.first, a.prefetch = first, prefetch
	login, err := k.admit(context.WithoutCancel(ctx), a)
	if app.KindOf(err) == app.StorageUnavailable {
		k.strangers.record(k.clock(), k.event(caller, app.LoginStorage))
	}
	return login, err
}

// NoteFailure records a login or an opening that was refused before it came here: for its form, or because its address fails
// too often.
func (k *Keeper) NoteFailure(caller app.Caller, reason app.Reason, field string) {
	event := k.event(caller, reason)
	event.Detail.Field = field
	k.strangers.record(k.clock(), event)
}

// exchange asks WeChat. Its failures know no user: they are recorded without being waited for.
func (k *Keeper) exchange(ctx context.Context, caller app.Caller, code string) (wechat.Login, bool, error) {
	if err := k.checkCode(code); err != nil {
		k.strangers.record(k.clock(), k.event(caller, app.ReasonOf(err)))
		return wechat.Login{}, false, err
	}
	first := false
	answer, err, _ := k.flights.Do(code, func() (any, error) {
		first = true
		return k.weChat.Code2Session(context.WithoutCancel(ctx), code)
	})
	if err != nil {
		event, failure := k.refusal(caller, err)
		k.strangers.record(k.clock(), event)
		return wechat.Login{}, false, failure
	}
	return answer.(wechat.Login), first, nil
}

func (k *Keeper) checkCode(code string) error {
	if code == app.MockCode && k.settings.AcceptMockCode {
		return nil
	}
	return app.CheckCode(code)
}

// refusal tells a failed exchange twice: precisely for the operator, as a Kind for the client.
func (k *Keeper) refusal(caller app.Caller, err error) (app.Event, error) {
	event, refused := k.refusedEvent(caller, app.LoginWeChatOdd, err)
	if refused == nil {
		return event, app.Fail(app.WeChatUnavailable, event.Reason).Because(err)
	}
	outcome := outcomes[refused.Class()]
	if refused.Class() == wechat.ClassCodeInvalid && k.callsFromElsewhere(caller) {
		outcome.reason = app.LoginAppidMismatch
		event.Detail.OtherAppid, event.Detail.OurAppid = caller.Client.Appid, k.app.Appid
	}
	event.Reason = outcome.reason
	return event, app.Fail(outcome.kind, outcome.reason).After(k.waitAfter(refused)).Because(err)
}

// refusedEvent begins the event of a call to WeChat that failed with what WeChat said, nil where it said nothing.
func (k *Keeper) refusedEvent(caller app.Caller, reason app.Reason, err error) (app.Event, *wechat.Error) {
	event := k.event(caller, reason)
	var refused *wechat.Error
	if !errors.As(err, &refused) {
		return event, nil
	}
	event.Errcode, event.Rid = refused.Errcode, refused.Rid
	event.Detail = app.Detail{Problem: string(refused.Problem), Field: refused.Field, Address: refused.Address}
	if refused.Tries > 1 {
		event.Detail.Tries = refused.Tries
	}
	return event, refused
}

func (k *Keeper) callsFromElsewhere(caller app.Caller) bool {
	return caller.Client.Appid != "" && caller.Client.Appid != k.app.Appid
}

// outcome is what a class of WeChat's failures means for a login, or for a phone number by code.
type outcome struct {
	kind   app.Kind
	reason app.Reason
}

// waitAfter is how long a caller should wait whose call a limit has ended, WeChat's or ours; 0: it was none.
func (k *Keeper) waitAfter(refused *wechat.Error) time.Duration {
	switch class := refused.Class(); {
	case class == wechat.ClassLimited:
		return time.Minute
	case class == wechat.ClassQuota:
		return UntilTomorrow(k.clock())
	case class == wechat.ClassWaitingFull:
		return time.Second
	case refused.Problem == wechat.ProblemBreakerOpen:
		return wechat.BreakerProbe
	}
	return 0
}

// outcomes are those of logins.
var outcomes = map[wechat.Class]outcome{
	wechat.ClassCodeInvalid:   {kind: app.InvalidCode, reason: app.LoginCodeInvalid},
	wechat.ClassCodeUsed:      {kind: app.InvalidCode, reason: app.LoginCodeUsed},
	wechat.ClassBlocked:       {kind: app.BlockedByWeChat, reason: app.LoginBlocked},
	wechat.ClassLimited:       {kind: app.TooManyRequests, reason: app.LoginLimitedWeChat},
	wechat.ClassQuota:         {kind: app.WeChatUnavailable, reason: app.LoginWeChatBusy},
	wechat.ClassBusy:          {kind: app.WeChatUnavailable, reason: app.LoginWeChatBusy},
	wechat.ClassConfiguration: {kind: app.Misconfigured, reason: app.LoginConfig},
	wechat.ClassTimeout:       {kind: app.WeChatUnavailable, reason: app.LoginWeChatTimeout},
	wechat.ClassUnreachable:   {kind: app.WeChatUnavailable, reason: app.LoginWeChatUnreachable},
	wechat.ClassWaitingFull:   {kind: app.WeChatUnavailable, reason: app.LoginWaitingFull},
	wechat.ClassCancelled:     {kind: app.WeChatUnavailable, reason: app.LoginWeChatTimeout},
	wechat.ClassKeyDead:       {kind: app.WeChatUnavailable, reason: app.LoginWeChatOdd}, // no answer to a login
	wechat.ClassOdd:           {kind: app.WeChatUnavailable, reason: app.LoginWeChatOdd},
}

// arrival is all that a good answer brings to be stored.
type arrival struct {
	caller   app.Caller
	answer   wechat.Login
	first    bool // not one of several callers that brought the same code at once
	prefetch bool // WeChat's servers brought the code: there is nobody to give a token to
	at       time.Time
	token    app.Token
	key      app.KeyRecord
	ended    bool // an older session ended in the new one's favour
	isNew    bool // the user was not known before

	known      recollection // what is remembered of the user, a user without id: nothing
	epoch      uint64       // of the memory
	afterwards recollection // what the login has left
}

// admit stores the key and makes a session.
func (k *Keeper) admit(ctx context.Context, a arrival) (Login, error) {
	a.known, _, a.epoch = k.memory.byOpenID(a.answer.OpenID)
	err := k.store.Write(ctx, func(tx *db.Tx) error { return k.storeLogin(ctx, tx, &a) })
	if a.ended {
		k.verified.forgetAll()
	}
	user := a.afterwards.user
	switch {
	case err != nil:
		return Login{}, err
	case user.Disabled():
		return Login{}, app.Fail(app.UserDisabled, app.LoginDisabled)
	}
	if !a.prefetch {
		k.memory.remember(a.token.Hash(), a.afterwards, a.epoch)
	}
	end, _ := k.settings.Sessions.End(app.Session{ID: app.SessionID(app.FirstID(a.at)), SeenAt: a.at})
	return Login{
		Token: a.token, ExpiresIn: end.Sub(a.at), User: user.Number, OpenID: user.OpenID, UnionID: user.UnionID, New: a.isNew,
	}, nil
}

// prepare does the cryptography of a login before the transaction begins.
func (k *Keeper) prepare(caller app.Caller, answer wechat.Login) arrival {
	at := k.clock()
	id := app.KeyID(app.NewID(at))
	return arrival{
		caller: caller, answer: answer, at: at, token: app.NewToken(),
		key: app.KeyRecord{
			ID:          id,
			AskedAt:     answer.AskedAt,
			Fingerprint: k.ring.Fingerprint(answer.SessionKey),
			Sealed:      k.ring.Seal(db.KeyPlace(k.app.ID, id, answer.OpenID), []byte(answer.SessionKey.Reveal())),
		},
	}
}

// storeLogin writes a login: user, key, session and event. It is tried on what is remembered of the user; where that is not so any
// more, which the write finds out before it changes anything, on what is read.
func (k *Keeper) storeLogin(ctx context.Context, tx *db.Tx, a *arrival) error {
	if a.known.allKeys && !a.known.user.Disabled() {
		if stored, err := k.storeArrival(ctx, tx, a, a.known, false); err != nil || stored {
			return err
		}
	}
	read, isNew, err := k.knownOf(ctx, tx, *a)
	if err != nil {
		return err
	}
	a.isNew = isNew
	stored, err := k.storeArrival(ctx, tx, a, read, isNew)
	if err == nil && !stored {
		err = app.Fail(app.NotFound, "")
	}
	return err
}

// storeArrival stores a login of a user of whom so much is known. It changes nothing and gives false if that is not so any more. A
// disabled user gets the event alone.
func (k *Keeper) storeArrival(ctx context.Context, tx *db.Tx, a *arrival, known recollection, isNew bool) (bool, error) {
	before := known.user
	after := before
	if a.answer.UnionID != "" {
		after.UnionID = a.answer.UnionID
	}
	if !before.Disabled() && !a.prefetch { // WeChat's servers tell nothing about the user's client
		after.ClientVersion, after.Platform = a.caller.Client.Version, a.caller.Client.Platform
	}
	seen(&after, a.at)
	became := app.Arrive(a.key, known.keys)
	after, stored, err := k.replaceUser(tx, before, after, a.at, k.arrivalEvent(*a, before, became, isNew))
	if err != nil || !stored {
		return false, err
	}
	a.afterwards = recollection{user: after, allKeys: true}
	if before.Disabled() {
		return true, nil
	}
	key := a.key
	key.UserID = before.ID
	if a.afterwards.keys, err = k.placeKey(ctx, tx, became, key, known.keys, a.at); err != nil || a.prefetch {
		return true, err
	}
	a.afterwards.session, a.ended, err = k.storeSession(tx, before, *a)
	return true, err
}

// arrivals are the reasons of logins by what became of the key.
var arrivals = map[app.Arrival]app.Reason{
	app.KeyIsNew: app.LoginNewKey, app.KeyIsCurrent: app.LoginSameKey, app.KeyIsLate: app.LoginLateAnswer,
}

func (k *Keeper) arrivalEvent(a arrival, user app.User, became app.Arrival, isNew bool) app.Event {
	event := k.event(a.caller, arrivals[became])
	switch {
	case user.Disabled():
		event.Reason = app.LoginDisabled
	case isNew:
		event.Reason = app.LoginFirst
	}
	switch {
	case a.prefetch:
		event.Reason, event.Detail.Notes = app.LoginPrefetch, []app.Reason{event.Reason}
	case !a.first:
		event.Reason, event.Detail.Notes = app.LoginDuplicate, []app.Reason{event.Reason}
	}
	event.Fingerprint = a.key.Fingerprint
	return event
}

// knownOf reads the user of an answer with all keys, or stores a new one.
func (k *Keeper) knownOf(ctx context.Context, tx *db.Tx, a arrival) (known recollection, isNew bool, err error) {
	known.user, isNew, err = k.userOf(ctx, tx, a)
	if err == nil && !isNew {
		known.keys, err = tx.KeysOfUser(ctx, known.user.ID)
	}
	return known, isNew, err
}

// userOf finds the user of an answer, or stores a new one.
func (k *Keeper) userOf(ctx context.Context, tx *db.Tx, a arrival) (user app.User, isNew bool, err error) {
	user, err = tx.UserByOpenID(ctx, k.app.ID, a.answer.OpenID)
	if app.KindOf(err) != app.NotFound {
		return user, false, err
	}
	number, err := k.freeNumber(ctx, tx)
	if err != nil {
		return user, false, err
	}
	user = app.User{
		ID: app.UserID(tx.NewID(a.at)), AppID: k.app.ID, OpenID: a.answer.OpenID, Number: number, LastSeenAt: a.at,
		UnionID: a.answer.UnionID,
	}
	if err := tx.InsertUser(user); err != nil {
		return user, true, err
	}
	tx.Count(k.app.ID, db.UsersActive, a.at, 1)
	user, err = tx.UserByID(ctx, user.ID) // with the app's generation
	return user, true, err
}

func (k *Keeper) freeNumber(ctx context.Context, tx *db.Tx) (app.UserNumber, error) {
	for {
		number := app.NewUserNumber()
		_, err := tx.UserByNumber(ctx, k.app.ID, number)
		switch {
		case err == nil:
			continue
		case app.KindOf(err) == app.NotFound:
			return number, nil
		default:
			return 0, err
		}
	}
}

// placeKey puts an arriving key into the user's history, and gives the history as it is then.
func (k *Keeper) placeKey(
	ctx context.Context, tx *db.Tx, became app.Arrival, key app.KeyRecord, known []app.KeyRecord, at time.Time,
) ([]app.KeyRecord, error) {
	switch became {
	case app.KeyIsCurrent:
		renewed, err := k.renewKey(ctx, tx, known[0], key.AskedAt, at)
		return withKey(known, renewed), err
	case app.KeyIsLate:
		return k.keepLateKey(tx, key, known, at)
	}
	known = slices.Clone(known)
	if len(known) > 0 && known[0].Current() {
		superseded, err := k.supersede(ctx, tx, known[0], at)
		if err != nil {
			return nil, err
		}
		known[0] = superseded
	}
	known, err := k.forgetTwin(tx, key, known)
	if err != nil {
		return nil, err
	}
	if err := tx.InsertKey(k.app.ID, key); err != nil {
		return nil, err
	}
	return tx.AgeKeys(append([]app.KeyRecord{key}, known...))
}

// supersede notes that a newer key has taken the current key's place, whatever else was learnt of it meanwhile.
func (k *Keeper) supersede(ctx context.Context, tx *db.Tx, current app.KeyRecord, at time.Time) (app.KeyRecord, error) {
	for {
		changed, err := tx.SupersedeKey(k.app.ID, current, at)
		if err != nil || changed {
			current.SupersededAt = at
			return current, err
		}
		if current, err = tx.Key(ctx, current); err != nil {
			return current, err
		}
	}
}

// forgetTwin drops the record of a superseded key that WeChat gives again: the keys that still open are counted, not the times
// they came.
func (k *Keeper) forgetTwin(tx *db.Tx, key app.KeyRecord, known []app.KeyRecord) ([]app.KeyRecord, error) {
	for i, twin := range known {
		if twin.Fingerprint == key.Fingerprint {
			return slices.Delete(known, i, i+1), tx.ForgetKey(twin)
		}
	}
	return known, nil
}

// renewKey confirms the current key, which WeChat gave again.
func (k *Keeper) renewKey(
	ctx context.Context, tx *db.Tx, current app.KeyRecord, askedAt, at time.Time,
) (app.KeyRecord, error) {
	return k.learn(ctx, tx, current, func(key *app.KeyRecord) bool {
		key.AskedAt = later(key.AskedAt, askedAt)
		key.Confirm(at, app.ConfirmedByLogin)
		key.DeadAt, key.DeadErrcode = time.Time{}, 0
		return true
	})
}

// keepLateKey keeps a key that was asked for before the current one: data may have been sealed under it.
func (k *Keeper) keepLateKey(tx *db.Tx, late app.KeyRecord, known []app.KeyRecord, at time.Time) ([]app.KeyRecord, error) {
	for _, key := range known {
		if key.Fingerprint == late.Fingerprint {
			return known, nil
		}
	}
	late.SupersededAt = at
	if err := tx.InsertKey(k.app.ID, late); err != nil {
		return nil, err
	}
	return tx.AgeKeys(append([]app.KeyRecord{late}, known...))
}

func (k *Keeper) storeSession(tx *db.Tx, user app.User, a arrival) (session app.Session, ended bool, err error) {
	session = app.Session{
		ID: app.SessionID(tx.NewID(a.at)), UserID: user.ID, SeenAt: a.at, Client: a.caller.Client, Generation: user.Generation,
	}
	ended, err = tx.InsertSession(k.app.ID, session, a.token.Hash())
	return session, ended, err
}

// storeUser writes an event and what changed of the user whose it is, and who was read in the same transaction.
func (k *Keeper) storeUser(tx *db.Tx, before, after app.User, at time.Time, event app.Event) error {
	_, stored, err := k.replaceUser(tx, before, after, at, event)
	if err == nil && !stored {
		err = app.Fail(app.NotFound, "")
	}
	return err
}

// replaceUser writes an event and what changed of the user whose it is, and gives the user as stored. It writes nothing and gives
// false if the user is not as before any more.
func (k *Keeper) replaceUser(tx *db.Tx, before, after app.User, at time.Time, event app.Event) (app.User, bool, error) {
	event.ID = app.EventID(tx.NewID(at))
	event.UserID, event.Previous = before.ID, before.LastEvent
	after.LastEvent = event.ID
	stored, err := tx.UpdateUser(before, after)
	if err != nil || !stored {
		return after, false, err
	}
	tx.AddNumberedEvent(event)
	if err := tx.AddUserChanges(at, app.Changes(before, after, event.Reason)); err != nil {
		return after, false, err
	}
	if err := announce(tx, before, after, at, event); err != nil {
		return after, false, err
	}
	if nextDay(before.LastSeenAt, after.LastSeenAt) {
		tx.Count(k.app.ID, db.UsersActive, at, 1)
	}
	return after, true, nil
}

// seen notes that a user was here, coarsely, but for the first time on a day: users are counted by day.
func seen(user *app.User, at time.Time) {
	if at.Sub(user.LastSeenAt) >= app.Coarse || nextDay(user.LastSeenAt, at) {
		user.LastSeenAt = at
	}
}

// nextDay says whether a time lies on a later day than another, in China.
func nextDay(before, at time.Time) bool { return at.Sub(before) >= UntilTomorrow(before) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
