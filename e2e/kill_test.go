package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

const (
	killRounds      = 20
	killRoundsShort = 5
	killClients     = 16
)

// TestKillLosesNothingAcknowledged kills the server under load, again and again, and wants everything back that a client was
// told: every token, and of every nickname the last one acknowledged or one sent later. Nothing half, nothing invented.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	rounds := killRounds
	if testing.Short() {
		rounds = killRoundsShort
		t.Logf("short: %d of %d rounds", rounds, killRounds)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	began := time.Now()
	w := newWeChat(t)
	settings := settingsOf(t, w.URL, "WXKEEPER_API_RATE=0")
	all := &ledger{}
	for range rounds {
		killWhileStarting(t, settings, dice)
		s := serve(t, settings)
		all.wantKept(t, s)
		load := startLoad(s, w)
		<-time.After(time.Duration(50+dice.IntN(700)) * time.Millisecond)
		s.kill()
		all.add(load.wait()...)
	}
	s := serve(t, settings)
	all.wantKept(t, s)
	all.wantAllTokens(t, s)
	if report := succeed(t, settings, "check"); len(all.visits) == 0 || all.answers() < 50*rounds {
		t.Errorf("%d answers in %d rounds prove little; check says %s", all.answers(), rounds, report)
	}
	s.end(t)
	t.Logf("%d rounds in %v: %d visits, %d answers, all there", rounds, time.Since(began), len(all.visits), all.answers())
}

// killWhileStarting kills a server that may still be busy with its start, the very first one with making its database.
func killWhileStarting(t *testing.T, settings []string, dice *rand.Rand) {
	p := start(t, settings, "serve")
	<-time.After(time.Duration(dice.IntN(120)) * time.Millisecond)
	p.kill()
}

// visit is one person's life with the server: what was sent and what was acknowledged.
type visit struct {
	person     *person
	token      string   // "": no login was acknowledged
	user       string   // number of the user
	sent       []string // nicknames, in order
	acked      int      // how many of them were acknowledged
	unexpected string
}

// load is a crowd of clients at work.
type load struct {
	clients sync.WaitGroup
	mu      sync.Mutex
	visits  []*visit
}

func startLoad(s *server, w *weChat) *load {
	l := &load{}
	for range killClients {
		l.clients.Go(func() {
			for alive := true; alive; {
				v := &visit{person: w.newPerson()}
				alive = v.live(s)
				l.mu.Lock()
				l.visits = append(l.visits, v)
				l.mu.Unlock()
			}
		})
	}
	return l
}

// wait waits until every client has noticed that the server is gone.
func (l *load) wait() []*visit {
	l.clients.Wait()
	return l.visits
}

// live logs in and changes the nickname a few times. It is false once the server does not answer.
func (v *visit) live(s *server) (alive bool) {
	r, err := s.post("/login/", fields{"code": v.person.login()})
	if err != nil {
		return false
	}
	if r.http != 200 || !v.noteLogin(r) {
		v.unexpected = fmt.Sprintf("/login/: HTTP %d %s", r.http, r.body)
		return false
	}
	for n := range 5 {
		nickname := fmt.Sprintf("第%d次改名的%s🎏", n+1, v.person.openid)
		v.person.rename(nickname)
		v.sent = append(v.sent, nickname)
		r, err := s.post("/getinfo/", v.person.userInfo().fields(v.token))
		if err != nil {
			return false
		}
		if r.http != 200 {
			v.unexpected = fmt.Sprintf("/getinfo/: HTTP %d %s", r.http, r.body)
			return false
		}
		v.acked++
	}
	return true
}

func (v *visit) noteLogin(r reply) bool {
	var got login
	err := json.Unmarshal(r.Data, &got)
	v.token, v.user = got.Token, got.User
	return err == nil && v.token != ""
}

// wantKept compares what the server kept of a person with what was sent and acknowledged.
func (v *visit) wantKept(t *testing.T, kept exportedUser, found bool) {
	t.Helper()
	switch {
	case v.unexpected != "":
		t.Errorf("%s: %s", v.person.openid, v.unexpected)
	case !found && v.token != "":
		t.Errorf("%s: the acknowledged login is lost", v.person.openid)
	case !found:
	case v.user != "" && kept.User != v.user:
		t.Errorf("%s: user %s is now user %s", v.person.openid, v.user, kept.User)
	case kept.UnionID != v.person.unionid || kept.Appid != appid:
		t.Errorf("%s: half a user: %+v", v.person.openid, kept)
	case !slices.Contains(v.possible(), kept.NickName):
		t.Errorf("%s: nickname %q after %d of %d were acknowledged", v.person.openid, kept.NickName, v.acked, len(v.sent))
	case kept.NickName != "" && (kept.City != "广州" || kept.Gender != 2 || kept.AvatarURL == ""):
		t.Errorf("%s: half a profile: %+v", v.person.openid, kept)
	}
}

// possible are the nicknames that may be stored: the last acknowledged, and whatever was sent after it.
func (v *visit) possible() []string {
	if v.acked == 0 {
		return append([]string{""}, v.sent...)
	}
	return v.sent[v.acked-1:]
}

// ledger is everything that happened before.
type ledger struct {
	visits []*visit
	fresh  []*visit // of the round before
}

func (l *ledger) add(visits ...*visit) {
	l.fresh = visits
	l.visits = append(l.visits, visits...)
}

func (l *ledger) answers() (n int) {
	for _, v := range l.visits {
		n += v.acked
		if v.token != "" {
			n++
		}
	}
	return n
}

// wantKept checks all users, and the tokens of the last round.
func (l *ledger) wantKept(t *testing.T, s *server) {
	t.Helper()
	kept := export(t, s.settings)
	for _, v := range l.visits {
		user, found := kept[v.person.openid]
		v.wantKept(t, user, found)
		delete(kept, v.person.openid)
	}
	for openid := range kept {
		t.Errorf("%s is invented", openid)
	}
	wantTokens(t, s, l.fresh)
}

func (l *ledger) wantAllTokens(t *testing.T, s *server) { wantTokens(t, s, l.visits) }

// wantTokens wants every acknowledged token to be good, and of the user it was given to.
func wantTokens(t *testing.T, s *server, visits []*visit) {
	t.Helper()
	for _, v := range visits {
		if v.token == "" {
			continue
		}
		r, err := s.post("/session/", fields{"token": v.token})
		if err != nil || r.http != 200 || dataOf[login](t, r).User != v.user {
			t.Errorf("%s: token of user %s: %v HTTP %d %s", v.person.openid, v.user, err, r.http, r.body)
		}
	}
}
