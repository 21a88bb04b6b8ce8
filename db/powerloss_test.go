package db_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
	"wxkeeper/db/disk"
)

const (
	powerLosses      = 40
	powerLossesShort = 10
	powerClients     = 8
	powerLives       = 15 // of each client, one after the other
	powerVisits      = 4  // of each life: the first is a login, the others change the nickname
)

// life is a user of whom something is written several times, and what was promised about it.
type life struct {
	user   app.User
	key    app.KeyRecord
	visits []visit
}

// visit is one write: the points of the record before it was asked for and after it was acknowledged.
type visit struct {
	asked, acknowledged int
	nickname            string
}

// TestPowerLossLosesNothingAcknowledged writes from several goroutines on a recorded disk, with checkpoints going on, then rebuilds
// the disk as it may be after a loss of power at some points and wants there: everything acknowledged before, nothing half,
// nothing that was not asked for yet.
func TestPowerLossLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	losses := powerLosses
	if testing.Short() {
		losses = powerLossesShort
		t.Logf("short: %d of %d losses of power", losses, powerLosses)
	}
	watched, err := disk.Watch(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { watched.Close() })
	watched.Record()
	store, one := open(t, db.WithDisk(watched))
	ring, err := store.EnsureKeyRing(t.Context(), [32]byte{7}, start)
	if err != nil {
		t.Fatal(err)
	}
	began := watched.Recorded()
	lives := liveUnderWatch(t, store, watched, ring, one)
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 0))
	for range losses {
		point, seed := began+dice.IntN(watched.Recorded()-began+1), dice.Uint64()
		loss := powerLoss{one: one, lives: lives, point: point, name: fmt.Sprintf("point %d, seed %d", point, seed)}
		folder := filepath.Join(t.TempDir(), "state")
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := watched.Rebuild(folder, point, seed); err != nil {
			t.Fatal(err)
		}
		loss.check(t, folder)
	}
}

// liveUnderWatch lets the clients write, and a goroutine empty the log from time to time beside them.
func liveUnderWatch(t *testing.T, store *db.DB, watched *disk.Disk, ring *db.KeyRing, one app.App) []*life {
	t.Helper()
	var lives []*life
	var lock sync.Mutex
	var clients sync.WaitGroup
	for client := range powerClients {
		clients.Go(func() {
			for n := range powerLives {
				l := newLife(one, client*powerLives+n)
				if err := l.live(store, watched, ring); err != nil {
					t.Error(err)
				}
				lock.Lock()
				lives = append(lives, l)
				lock.Unlock()
				if client == 0 && n%5 == 4 {
					if err := store.Checkpoint(context.Background()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	clients.Wait()
	return lives
}

func newLife(one app.App, n int) *life {
	user := newUser(one, fmt.Sprintf("openid-%d", n), app.UserNumber(100_000_000+n))
	user.ID = app.UserID(app.FirstID(start)) + app.UserID(n) // random ones may collide
	return &life{user: user, key: app.KeyRecord{
		ID: app.KeyID(user.ID), UserID: user.ID, AskedAt: start, Sealed: []byte(user.OpenID),
	}}
}

func (l *life) live(store *db.DB, watched *disk.Disk, ring *db.KeyRing) error {
	for n := range powerVisits {
		v := visit{asked: watched.Recorded(), nickname: fmt.Sprintf("%s 第%d次", l.user.OpenID, n)}
		before, after := l.user, l.user
		after.Profile.Nickname = v.nickname
		err := store.Write(context.Background(), func(tx *db.Tx) error {
			event := app.Event{AppID: after.AppID, UserID: after.ID, Previous: before.LastEvent, Reason: app.OpenOK}
			after.LastEvent = tx.AddEvent(start, event)
			return l.store(tx, ring, before, after)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", v.nickname, err)
		}
		l.user = after
		v.acknowledged = watched.Recorded()
		l.visits = append(l.visits, v)
	}
	return nil
}

// store writes what a login or a change of nickname writes, and an audit row.
func (l *life) store(tx *db.Tx, ring *db.KeyRing, before, after app.User) error {
	audited := app.AuditRow{At: start, Operator: "李", AppID: after.AppID, UserID: after.ID, Reason: after.Profile.Nickname}
	if err := tx.Audit(ring, audited); err != nil {
		return err
	}
	if before.LastEvent != 0 {
		if changed, err := tx.UpdateUser(before, after); err != nil || !changed {
			return errors.Join(err, fmt.Errorf("changed is %v", changed))
		}
		return nil
	}
	if err := tx.InsertUser(after); err != nil {
		return err
	}
	if err := tx.InsertKey(after.AppID, l.key); err != nil {
		return err
	}
	session := app.Session{ID: app.SessionID(tx.NewID(start)), UserID: after.ID, SeenAt: start}
	_, err := tx.InsertSession(after.AppID, session, tokenOf(after))
	return err
}

func tokenOf(user app.User) app.TokenHash { return sha256.Sum256([]byte(user.OpenID)) }

// powerLoss is a point at which power was lost, and what is known of the time before.
type powerLoss struct {
	name  string
	point int
	one   app.App
	lives []*life
}

// check opens the rebuilt folder as a start after the power came back does.
func (p powerLoss) check(t *testing.T, folder string) {
	t.Helper()
	store, err := db.Open(t.Context(), folder)
	if err != nil {
		t.Errorf("%s: %v", p.name, err)
		return
	}
	defer store.Close()
	if damage, err := store.Damage(t.Context()); err != nil || len(damage) > 0 {
		t.Errorf("%s: %v, damage %q", p.name, err, damage)
		return
	}
	users, visits := 0, 0
	for _, l := range p.lives {
		n, err := p.checkLife(store, l)
		if err != nil {
			t.Errorf("%s: %s: %v", p.name, l.user.OpenID, err)
		}
		if n > 0 {
			users++
		}
		visits += n
	}
	if err := p.checkSums(t.Context(), store, users, visits); err != nil {
		t.Errorf("%s: %v", p.name, err)
	}
}

// checkLife tells how many visits of a user are there, and what is wrong with them.
func (p powerLoss) checkLife(store *db.DB, l *life) (visits int, err error) {
	acknowledged, asked := 0, 0
	for _, v := range l.visits {
		if v.acknowledged <= p.point {
			acknowledged++
		}
		if v.asked < p.point {
			asked++
		}
	}
	ctx := context.Background()
	user, err := store.Read().UserByOpenID(ctx, p.one.ID, l.user.OpenID)
	switch {
	case app.KindOf(err) == app.NotFound && acknowledged == 0:
		return 0, nil
	case app.KindOf(err) == app.NotFound:
		return 0, fmt.Errorf("lost, with %d visits acknowledged", acknowledged)
	case err != nil:
		return 0, err
	}
	visits = 1 + slices.IndexFunc(l.visits, func(v visit) bool { return v.nickname == user.Profile.Nickname })
	if visits < max(1, acknowledged) || visits > asked {
		return visits, fmt.Errorf("%d visits (nickname %q), with %d acknowledged and %d asked for",
			visits, user.Profile.Nickname, acknowledged, asked)
	}
	events, err := store.Read().EventsOf(ctx, user.LastEvent, 2*powerVisits)
	if err != nil || len(events) != visits {
		return visits, fmt.Errorf("half: %d visits, %d events, %v", visits, len(events), err)
	}
	keys, err := store.Read().KeysOfUser(ctx, user.ID)
	if err != nil || len(keys) != 1 || string(keys[0].Sealed) != string(user.OpenID) {
		return visits, fmt.Errorf("half: keys %v, %v", keys, err)
	}
	if _, whose, err := store.Read().SessionByToken(ctx, p.one.ID, tokenOf(user)); err != nil || whose.ID != user.ID {
		return visits, fmt.Errorf("half: session of user %d, %v", whose.ID, err)
	}
	return visits, nil
}

// checkSums compares with what is counted, and walks the audit log.
func (p powerLoss) checkSums(ctx context.Context, store *db.DB, users, visits int) error {
	counted, err := store.Read().CountUsers(ctx, p.one.ID)
	if err != nil || counted != int64(users) {
		return fmt.Errorf("%d users counted, %d there, %v", counted, users, err)
	}
	events, err := store.Read().Counted(ctx, p.one.ID, string(app.OpenOK), start, start.Add(time.Hour))
	if err != nil || events != int64(visits) {
		return fmt.Errorf("%d events counted, %d there, %v", events, visits, err)
	}
	for table, want := range map[string]int{"users": users, "session_keys": users, "sessions": users, "events": visits} {
		if n, err := db.Column[int](store, "SELECT COUNT(*) FROM "+table); err != nil || n != want {
			return fmt.Errorf("%d rows in %s, want %d, %v", n, table, want, err)
		}
	}
	ring, err := store.EnsureKeyRing(ctx, [32]byte{7}, start)
	if err != nil {
		return err
	}
	if broken, err := store.Read().BrokenAudit(ctx, ring); err != nil || broken != 0 {
		return fmt.Errorf("the audit log is broken at %d, %v", broken, err)
	}
	rows, err := store.Read().AuditRows(ctx, 1, 2*len(p.lives)*powerVisits)
	if err != nil || len(rows) != visits {
		return fmt.Errorf("%d audit rows of %d visits, %v", len(rows), visits, err)
	}
	return nil
}
