package keeper_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/db"
)

// beside is a second process on the same data, with a memory of its own.
type beside struct {
	keeper *keeper.Keeper
	store  *db.DB
}

func (h *house) beside() beside {
	h.t.Helper()
	store, err := db.OpenBeside(h.t.Context(), h.folder)
	if err != nil {
		h.t.Fatal(err)
	}
	options := h.Options
	options.Store = store
	other := beside{keeper.New(options), store}
	h.t.Cleanup(func() {
		other.keeper.Close()
		store.Close()
	})
	return other
}

// in does something in the other process.
func (h *house) in(other beside, do func()) {
	here, store := h.Keeper, h.store
	h.Keeper, h.store = other.keeper, other.store
	do()
	h.Keeper, h.store = here, store
}

// TestWhatAnotherProcessDidCounts has another process change what this one remembers of a user who has just logged in and opened
// something: with the next opening that counts.
func TestWhatAnotherProcessDidCounts(t *testing.T) {
	h := newHouse(t, func(s *keeper.Settings) { s.FollowKey = true })
	h.weChatSaysOfKeys(keyDead)
	other := h.beside()
	must := func(err error) {
		if err != nil {
			h.t.Helper()
			h.t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		change func(openid string, key app.SessionKey, login keeper.Login)
		want   app.Kind
	}{
		"forced": {func(_ string, _ app.SessionKey, l keeper.Login) {
			_, err := h.ForceRelogin(t.Context(), order, l.User)
			must(err)
		}, app.InvalidToken},
		"all forced": {func(string, app.SessionKey, keeper.Login) { must(h.ForceReloginOfAll(t.Context(), order)) }, app.InvalidToken},
		"disabled":   {func(openid string, _ app.SessionKey, _ keeper.Login) { h.disable(openid) }, app.UserDisabled},
		"erased":     {func(_ string, _ app.SessionKey, l keeper.Login) { must(h.Erase(t.Context(), order, l.User)) }, app.InvalidToken},
		"logged out": {func(_ string, _ app.SessionKey, l keeper.Login) {
			must(h.Logout(t.Context(), h.caller(), l.Token.Reveal()))
		}, app.InvalidToken},
		"key is dead": {func(_ string, _ app.SessionKey, l keeper.Login) {
			_, err := h.CheckNow(t.Context(), order, l.User)
			must(err)
		}, app.InvalidToken},
		"nothing":  {func(string, app.SessionKey, keeper.Login) {}, 0},
		"same key": {func(openid string, key app.SessionKey, _ keeper.Login) { h.login(openid, key) }, 0},
		"three logins": {func(openid string, _ app.SessionKey, _ keeper.Login) {
			h.login(openid, newKey(t))
			h.login(openid, newKey(t))
			h.login(openid, newKey(t))
		}, app.SealedDataUnopened},
		"device removed": {func(openid string, _ app.SessionKey, l keeper.Login) {
			sessions, err := h.store.Read().SessionsOfUser(t.Context(), h.user(openid).ID)
			must(err)
			must(h.EndDevice(t.Context(), order, l.User, sessions[0].ID))
		}, app.InvalidToken},
		"twenty more devices": {func(openid string, key app.SessionKey, _ keeper.Login) {
			for range app.SessionsKept {
				h.login(openid, key)
			}
		}, app.InvalidToken},
	} {
		t.Run(name, func(t *testing.T) {
			openid, key := "o"+strings.ReplaceAll(name, " ", "_"), newKey(t)
			login := h.login(openid, key)
			if _, err := h.open(login.Token, h.seal(key, payload{"nickName": "before"})); err != nil {
				t.Fatal(err)
			}
			h.pass(time.Second)
			h.in(other, func() { test.change(openid, key, login) })
			if _, err := h.open(login.Token, h.seal(key, payload{"nickName": "after"})); app.KindOf(err) != test.want {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

// TestAProfileChangedElsewhereIsNotOverwritten opens a newer profile in another process, and then an older one here.
func TestAProfileChangedElsewhereIsNotOverwritten(t *testing.T) {
	h := newHouse(t)
	other := h.beside()
	key := newKey(t)
	login := h.login("oA", key)
	older := h.seal(key, profileOf("older"))
	h.pass(time.Minute)
	h.in(other, func() {
		if _, err := h.open(login.Token, h.seal(key, profileOf("newer"))); err != nil {
			t.Fatal(err)
		}
	})
	opened, err := h.open(login.Token, older)
	if err != nil || opened.Profile.Nickname != "newer" || h.user("oA").Profile.Nickname != "newer" {
		t.Errorf("%q, %v", opened.Profile.Nickname, err)
	}
}

// TestMemoryMakesNoDifference does the same at random in two houses: one of two processes that remember, one whose keepers are new for
// each call. Every answer and everything stored must be alike.
func TestMemoryMakesNoDifference(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	remembering, forgetful := newHouse(t), newHouse(t)
	other := remembering.beside()
	houses := []*house{remembering, forgetful}
	tokens := [2]map[string][]keeper.Login{{}, {}}
	var keys []app.SessionKey
	for range 6 {
		keys = append(keys, newKey(t))
	}
	for step := range 250 {
		openid, key, action, elsewhere := fmt.Sprint("o", random.IntN(3)), keys[random.IntN(len(keys))], random.IntN(20), random.IntN(2) == 0
		device, wait := random.IntN(4), time.Duration(1+random.IntN(300))*time.Second
		verdict := []string{keyGood, keyDead}[random.IntN(2)]
		var told, stored [2]string
		for i, h := range houses {
			h.pass(wait)
			h.weChatSaysOfKeys(verdict)
			act := func() { told[i] = h.something(action, openid, key, device, tokens[i]) }
			switch {
			case i == 1:
				h.Close()
				h.Keeper = keeper.New(h.Options)
				act()
			case elsewhere:
				h.in(other, act)
			default:
				act()
			}
			stored[i] = h.everything()
		}
		if told[0] != told[1] {
			t.Fatalf("step %d: with memory %s, without %s", step, told[0], told[1])
		}
		if difference := cmp.Diff(stored[1], stored[0]); difference != "" {
			t.Fatalf("step %d, %s: stored with memory (+) and without:\n%s", step, told[0], difference)
		}
	}
}

// something does one of the things that may happen, and says what came of it.
func (h *house) something(action int, openid string, key app.SessionKey, device int, tokens map[string][]keeper.Login) string {
	var login keeper.Login
	if known := tokens[openid]; len(known) > 0 {
		login = known[max(0, len(known)-1-device)]
	}
	ctx := h.t.Context()
	switch action {
	case 0, 1, 2, 3, 4:
		got, err := h.tryLogin(openid, key)
		if err == nil {
			tokens[openid] = append(tokens[openid], got)
		}
		return fmt.Sprint("login ", app.KindOf(err))
	case 5:
		return fmt.Sprint("logout ", app.KindOf(h.Logout(ctx, h.caller(), login.Token.Reveal())))
	case 6:
		_, err := h.ForceRelogin(ctx, order, login.User)
		return fmt.Sprint("relogin ", app.KindOf(err))
	case 7:
		return fmt.Sprint("disable ", app.KindOf(h.Disable(ctx, order, login.User)))
	case 8, 9:
		return fmt.Sprint("enable ", app.KindOf(h.Enable(ctx, order, login.User)))
	case 10:
		verdict, err := h.CheckNow(ctx, order, login.User)
		return fmt.Sprint("check ", verdict.State, app.KindOf(err))
	case 11:
		if device == 0 {
			return fmt.Sprint("erase ", app.KindOf(h.Erase(ctx, order, login.User)))
		}
		fallthrough
	default:
		opened, err := h.open(login.Token, h.seal(key, payload{"nickName": fmt.Sprint("name ", device)}))
		return fmt.Sprint("open ", opened.Profile.Nickname, app.KindOf(err), app.ReasonOf(err))
	}
}

// everything tells what is stored of all users but what was drawn at random.
func (h *house) everything() (text string) {
	for n := range 3 {
		openid := app.OpenID(fmt.Sprint("o", n))
		user, err := h.store.Read().UserByOpenID(h.t.Context(), 1, openid)
		if err != nil {
			continue
		}
		sessions, _ := h.store.Read().SessionsOfUser(h.t.Context(), user.ID)
		event := h.lastEvent(string(openid))
		text += fmt.Sprintf("%s %q %v seen %v, disabled %v, opened %d, %d devices, last %s\n", openid, user.Profile.Nickname, user.ProfileAt,
			user.LastSeenAt, user.DisabledAt, len(user.Opened), len(sessions), event.Reason)
		for _, session := range sessions {
			text += fmt.Sprintln("  device", session.SeenAt, session.Generation == user.Generation)
		}
		for _, key := range h.keys(string(openid)) {
			text += fmt.Sprintln("  key", key.SupersededAt, key.ConfirmedAt, key.ConfirmedBy, key.FailedAt, key.DeadAt, len(key.Sealed))
		}
	}
	counts, err := h.store.Read().KeyCounts(h.t.Context(), 1, h.clock(), 24*time.Hour)
	return text + fmt.Sprintln(counts, err)
}
