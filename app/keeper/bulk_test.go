package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/job"
	"wxkeeper/app/keeper"
	"wxkeeper/db"
)

const bulkUsers = 530

// crowd is users o-000000, o-000001 and so on, of whom every seventh has no device and every fifth has two.
type crowd struct {
	*house
	users []app.User
}

func devicesOf(i int) int {
	switch {
	case i%7 == 0:
		return 0
	case i%5 == 0:
		return 2
	}
	return 1
}

func newCrowd(t *testing.T, users int) *crowd {
	t.Helper()
	c := &crowd{house: newHouse(t)}
	c.fillWith(users)
	var err error
	if c.users, err = c.store.Read().UsersAfter(t.Context(), 0, users); err != nil {
		t.Fatal(err)
	}
	err = c.store.Write(t.Context(), func(tx *db.Tx) error {
		for i, user := range c.users {
			for range devicesOf(i) {
				session := app.Session{ID: app.SessionID(tx.NewID(c.clock())), UserID: user.ID, SeenAt: c.clock()}
				if _, err := tx.InsertSession(1, session, app.NewToken().Hash()); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c.pass(time.Minute)
	return c
}

func (c *crowd) numbers() []app.UserNumber {
	var numbers []app.UserNumber
	for _, user := range c.users {
		numbers = append(numbers, user.Number)
	}
	return numbers
}

// forced counts the device.forced events of one of the crowd.
func (c *crowd) forced(i int) int {
	c.t.Helper()
	user, err := c.store.Read().UserByID(context.Background(), c.users[i].ID)
	if err != nil {
		c.t.Fatal(err)
	}
	events, err := c.store.Read().EventsOf(context.Background(), user.LastEvent, 100)
	if err != nil {
		c.t.Fatal(err)
	}
	n := 0
	for _, event := range events {
		if event.Reason == app.DeviceForced {
			n++
		}
	}
	return n
}

func (c *crowd) devices(i int) int {
	c.t.Helper()
	sessions, err := c.store.Read().SessionsOfUser(context.Background(), c.users[i].ID)
	if err != nil {
		c.t.Fatal(err)
	}
	return len(sessions)
}

// wantForced wants those of the crowd that were selected to be without a device, with one event if they had any, and nothing to
// have happened to the others.
func (c *crowd) wantForced(selected func(i int) bool) {
	c.t.Helper()
	for i := range c.users {
		had, devices, events := devicesOf(i), devicesOf(i), 0
		if selected(i) {
			devices, events = 0, min(had, 1)
		}
		if left, told := c.devices(i), c.forced(i); left != devices || told != events {
			c.t.Errorf("user %d had %d devices and has %d, with %d events", i, had, left, told)
		}
	}
}

func (h *house) startBulk(selection app.Selection, expected int) app.BulkJobID {
	h.t.Helper()
	id, err := h.StartBulkRelogin(context.Background(), order, selection, expected)
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

func (h *house) runBulk() {
	h.t.Helper()
	if err := h.RunBulk(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) bulkJob(id app.BulkJobID) app.BulkJob {
	h.t.Helper()
	found, err := h.BulkJob(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return found
}

func everybody(int) bool { return true }

func nobody(int) bool { return false }

// restarted is another process on the same data that is stopped when its clock was read so often; 0: never.
func (h *house) restarted(ctx context.Context, readings int64) (*keeper.Keeper, context.Context) {
	ctx, stop := context.WithCancel(ctx)
	h.t.Cleanup(stop)
	var read atomic.Int64
	options := h.Options
	options.Clock = func() time.Time {
		if read.Add(1) == readings {
			stop()
		}
		return h.clock()
	}
	k := keeper.New(options)
	h.t.Cleanup(k.Close)
	return k, ctx
}

func TestBulkReloginOfSelectedUsers(t *testing.T) {
	c := newCrowd(t, bulkUsers+1)
	selected := c.numbers()[:bulkUsers]
	login := c.login("o-000001", newKey(t)) // one device more
	if _, err := c.Verify(t.Context(), c.caller(), login.Token.Reveal()); err != nil {
		t.Fatal(err)
	}
	twice := append(slices.Clone(selected), selected[7], 999_999_999)
	id := c.startBulk(app.Selection{Numbers: twice}, 5)
	c.wantAudited(app.ActionReloginMany, 0, fmt.Sprintf(`{"job":"%d","users":%d}`, id, bulkUsers+1))
	if waiting := c.bulkJob(id); waiting.State != app.BulkWaiting || waiting.Expected != bulkUsers+1 || waiting.Operator != order.Operator ||
		waiting.Reason != order.Reason || waiting.Ended() || !waiting.CreatedAt().Equal(c.clock()) {
		t.Errorf("waiting: %+v", waiting)
	}
	c.runBulk()
	c.wantForced(func(i int) bool { return i < bulkUsers })
	devices := 1
	for i := range bulkUsers {
		devices += devicesOf(i)
	}
	done := c.bulkJob(id)
	if done.State != app.BulkDone || done.Done != bulkUsers || done.Devices != devices || !done.EndedAt.Equal(c.clock()) ||
		done.Problem != "" || len(done.Selection.Numbers) != 0 {
		t.Errorf("done: %+v, want %d devices", done, devices)
	}
	if _, err := c.Verify(t.Context(), c.caller(), login.Token.Reveal()); app.KindOf(err) != app.InvalidToken {
		t.Errorf("a forced device: %v", err)
	}
	if _, err := c.session(c.login("o-000001", newKey(t)).Token); err != nil {
		t.Errorf("after the new login: %v", err)
	}
	if err := c.CancelBulk(t.Context(), order, id); app.KindOf(err) != app.AlreadyExists {
		t.Errorf("cancelled when it was done: %v", err)
	}
}

func TestBulkReloginOfAllThatMatch(t *testing.T) {
	const users = 350
	for name, test := range map[string]struct {
		filter   func(*crowd) app.UserFilter
		selected func(i int) bool
	}{
		"everybody":     {func(*crowd) app.UserFilter { return app.UserFilter{Search: " "} }, everybody},
		"first seen":    {func(*crowd) app.UserFilter { return app.UserFilter{NewFrom: start.Add(4 * time.Second)} }, func(i int) bool { return i >= 300 }},
		"a state":       {func(*crowd) app.UserFilter { return app.UserFilter{KeyState: app.KeyNew} }, everybody},
		"another state": {func(*crowd) app.UserFilter { return app.UserFilter{KeyState: app.KeyDead} }, nobody},
		"disabled": {func(c *crowd) app.UserFilter {
			c.disable("o-000011")
			c.disable("o-000320")
			return app.UserFilter{Disabled: true}
		}, func(i int) bool { return i == 11 || i == 320 }},
		"nobody": {func(*crowd) app.UserFilter { return app.UserFilter{Version: "none"} }, nobody},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(t, users)
			filter := test.filter(c)
			id := c.startBulk(app.Selection{Filter: &filter}, users)
			c.pass(time.Minute)
			newcomer, gone := c.login("o-newcomer", newKey(t)), c.login("o-gone", newKey(t))
			if err := c.Logout(t.Context(), c.caller(), gone.Token.Reveal()); err != nil {
				t.Fatal(err)
			}
			c.runBulk()
			c.wantForced(test.selected)
			if _, err := c.session(newcomer.Token); err != nil {
				t.Errorf("who came after the start: %v", err)
			}
			selected := 0
			for i := range c.users {
				if test.selected(i) {
					selected++
				}
			}
			if done := c.bulkJob(id); done.State != app.BulkDone || done.Done != selected || done.Expected != users {
				t.Errorf("done: %+v, want %d", done, selected)
			}
		})
	}
}

// TestBulkReloginGoesOn stops the process many times, while the users live on: whoever was forced logs in again, which moves
// them to the end of the walk by key state, others log in, are erased, or come. Nobody is forced twice, nobody is left out.
func TestBulkReloginGoesOn(t *testing.T) {
	const users = 400
	for name, selection := range map[string]func(*crowd) app.Selection{
		"by number":     func(c *crowd) app.Selection { return app.Selection{Numbers: c.numbers()} },
		"everybody":     func(*crowd) app.Selection { return app.Selection{Filter: &app.UserFilter{}} },
		"by key state":  func(*crowd) app.Selection { return app.Selection{Filter: &app.UserFilter{KeyState: app.KeyNew}} },
		"by their time": func(*crowd) app.Selection { return app.Selection{Filter: &app.UserFilter{NewFrom: start}} },
	} {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			chance := rand.New(rand.NewPCG(seed, 0))
			c := newCrowd(t, users)
			id := c.startBulk(selection(c), users)
			erased := map[int]bool{}
			for turns := 0; !c.bulkJob(id).Ended(); turns++ {
				if turns > users {
					t.Fatalf("it does not end: %+v", c.bulkJob(id))
				}
				k, ctx := c.restarted(t.Context(), 1+chance.Int64N(150))
				if err := k.RunBulk(ctx); err != nil {
					t.Fatal(err)
				}
				c.pass(time.Second)
				for range 5 {
					i := chance.IntN(users)
					if !erased[i] && c.forced(i) > 0 {
						c.login(fmt.Sprintf("o-%06d", i), newKey(t))
					}
				}
				c.login(fmt.Sprint("o-newcomer-", turns), newKey(t))
				if i := chance.IntN(users); !erased[i] {
					erased[i] = true
					if err := c.Erase(t.Context(), order, c.users[i].Number); err != nil {
						t.Fatal(err)
					}
				}
			}
			for i := range c.users {
				if !erased[i] && c.forced(i) != min(devicesOf(i), 1) {
					t.Errorf("user %d, with %d devices, was forced %d times", i, devicesOf(i), c.forced(i))
				}
			}
			if done := c.bulkJob(id); done.State != app.BulkDone || done.Done > users || done.Done < users-len(erased) {
				t.Errorf("done: %+v, with %d erased", done, len(erased))
			}
		})
	}
}

func TestCancelledBulkJobStops(t *testing.T) {
	c := newCrowd(t, bulkUsers)
	id := c.startBulk(app.Selection{Numbers: c.numbers()}, bulkUsers)
	k, ctx := c.restarted(t.Context(), 250)
	if err := k.RunBulk(ctx); err != nil {
		t.Fatal(err)
	}
	running := c.bulkJob(id)
	if running.State != app.BulkRunning || running.Done == 0 || running.Done == bulkUsers {
		t.Fatalf("stopped half way: %+v", running)
	}
	if err := c.CancelBulk(t.Context(), order, id); err != nil {
		t.Fatal(err)
	}
	c.wantAudited(app.ActionCancelJob, 0, fmt.Sprintf(`{"job":"%d","users":%d}`, id, running.Done))
	c.runBulk()
	c.wantForced(func(i int) bool { return i < running.Done })
	cancelled := c.bulkJob(id)
	if cancelled.State != app.BulkCancelled || cancelled.Done != running.Done || cancelled.Devices != running.Devices ||
		!cancelled.EndedAt.Equal(c.clock()) || len(cancelled.Selection.Numbers) != 0 {
		t.Errorf("cancelled: %+v", cancelled)
	}
	c.wantNothingAudited(func() {
		if err := c.CancelBulk(t.Context(), order, id); app.KindOf(err) != app.AlreadyExists {
			t.Errorf("cancelled twice: %v", err)
		}
	})
}

// TestCancelWhileItRuns: whenever the order to stop comes, the job says exactly what was done.
func TestCancelWhileItRuns(t *testing.T) {
	c := newCrowd(t, bulkUsers)
	id := c.startBulk(app.Selection{Filter: &app.UserFilter{}}, bulkUsers)
	ran := make(chan error, 1)
	go func() { ran <- c.RunBulk(context.Background()) }()
	c.eventually("the first piece", func() bool { return c.bulkJob(id).Done > 0 })
	err := c.CancelBulk(t.Context(), order, id)
	if err := errors.Join(err, <-ran); err != nil {
		t.Fatal(err)
	}
	cancelled := c.bulkJob(id)
	c.wantForced(func(i int) bool { return i >= bulkUsers-cancelled.Done }) // the newest users come first
	if cancelled.State != app.BulkCancelled {
		t.Errorf("cancelled: %+v", cancelled)
	}
}

func TestFailedPieceEndsItsJobAlone(t *testing.T) {
	c := newCrowd(t, 450)
	const bad = 222
	c.sql(fmt.Sprintf("CREATE TRIGGER fails BEFORE DELETE ON sessions WHEN OLD.user_id = %d BEGIN SELECT RAISE(ABORT, 'no luck'); END",
		c.users[bad].ID))
	failing := c.startBulk(app.Selection{Numbers: c.numbers()[:300]}, 0)
	next := c.startBulk(app.Selection{Numbers: c.numbers()[300:]}, 0)
	c.runBulk()
	failed := c.bulkJob(failing)
	if failed.State != app.BulkFailed || failed.Done != 200 || !strings.Contains(failed.Problem, "no luck") ||
		!failed.EndedAt.Equal(c.clock()) || len(failed.Selection.Numbers) != 0 {
		t.Errorf("failed: %+v", failed)
	}
	if done := c.bulkJob(next); done.State != app.BulkDone || done.Done != 150 {
		t.Errorf("the next: %+v", done)
	}
	c.wantForced(func(i int) bool { return i < 200 || i >= 300 })
}

// TestBulkJobWaitsForTheStorage: while nothing can be written, a job has not failed.
func TestBulkJobWaitsForTheStorage(t *testing.T) {
	c := newCrowd(t, 10)
	id := c.startBulk(app.Selection{Numbers: c.numbers()}, 0)
	c.sql("CREATE TRIGGER fails BEFORE UPDATE ON bulk_jobs BEGIN SELECT RAISE(ABORT, 'disk full'); END")
	if err := c.RunBulk(t.Context()); app.KindOf(err) != app.StorageUnavailable {
		t.Errorf("error is %v", err)
	}
	if waiting := c.bulkJob(id); waiting.State != app.BulkWaiting || waiting.Done != 0 {
		t.Errorf("waiting: %+v", waiting)
	}
	c.wantForced(nobody)
	c.sql("DROP TRIGGER fails")
	c.runBulk()
	c.wantForced(everybody)
}

func TestSelectionsAreChecked(t *testing.T) {
	c := newCrowd(t, 3)
	tooMany := make([]app.UserNumber, app.SelectionLimit+1)
	for name, test := range map[string]struct {
		selection app.Selection
		field     string
	}{
		"nobody":        {app.Selection{}, "selection"},
		"too many":      {app.Selection{Numbers: tooMany}, "selection"},
		"two at once":   {app.Selection{Numbers: c.numbers(), Filter: &app.UserFilter{}}, "selection"},
		"long filter":   {app.Selection{Filter: &app.UserFilter{Version: strings.Repeat("9", 1000)}}, "selection"},
		"found nothing": {app.Selection{Filter: &app.UserFilter{Search: "100000009"}}, "search"},
	} {
		t.Run(name, func(t *testing.T) {
			c.wantNothingAudited(func() {
				_, err := c.StartBulkRelogin(t.Context(), order, test.selection, 1)
				var failure *app.Error
				if !errors.As(err, &failure) || failure.Kind != app.Malformed || failure.Field != test.field {
					t.Errorf("error is %v", err)
				}
			})
		})
	}
	_, err := c.StartBulkRelogin(t.Context(), keeper.Order{Operator: "小王"}, app.Selection{Numbers: c.numbers()}, 1)
	if app.KindOf(err) != app.MissingParameter {
		t.Errorf("without a reason: %v", err)
	}
	if jobs, err := c.BulkJobs(t.Context(), 10); err != nil || len(jobs) != 0 {
		t.Errorf("there are %+v, %v", jobs, err)
	}
}

// TestSearchIsNotKept: what was searched for may be a phone number.
func TestSearchIsNotKept(t *testing.T) {
	h := newHouse(t)
	login := h.fill("oA", "小明")
	h.fill("oB", "小红")
	h.sql("UPDATE users SET phone_hash = NULL WHERE openid = 'oB'")
	h.pass(time.Minute)
	id := h.startBulk(app.Selection{Filter: &app.UserFilter{Search: "13800000001"}}, 7)
	if waiting := h.bulkJob(id); waiting.Selection.Filter != nil || waiting.Expected != 1 ||
		!slices.Equal(waiting.Selection.Numbers, []app.UserNumber{login.User}) {
		t.Errorf("waiting: %+v", waiting)
	}
	h.wantAudited(app.ActionReloginMany, 0, fmt.Sprintf(`{"job":"%d","users":1}`, id))
	h.runBulk()
	if _, err := h.session(login.Token); app.KindOf(err) != app.InvalidToken {
		t.Errorf("who was found: %v", err)
	}
}

func TestSearchThatFindsTooManyIsRefused(t *testing.T) {
	h := newHouse(t)
	err := h.store.Write(t.Context(), func(tx *db.Tx) error {
		for i := range app.SelectionLimit + 1 {
			user := app.User{
				ID: app.UserID(i + 1), AppID: 1, OpenID: app.OpenID(fmt.Sprint("o", i)), Number: app.UserNumber(i + 1),
				Profile: app.Profile{Nickname: "小明"}, LastSeenAt: start,
			}
			if err := tx.InsertUser(user); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	selection := app.Selection{Filter: &app.UserFilter{Search: "小明"}}
	if _, err := h.StartBulkRelogin(t.Context(), order, selection, 1); app.KindOf(err) != app.Malformed {
		t.Errorf("error is %v", err)
	}
	if err := h.Erase(t.Context(), order, 1); err != nil {
		t.Fatal(err)
	}
	if waiting := h.bulkJob(h.startBulk(selection, 1)); waiting.Expected != app.SelectionLimit {
		t.Errorf("one less: %+v", waiting.Expected)
	}
}

func TestFewBulkJobsWait(t *testing.T) {
	c := newCrowd(t, 2)
	selection := app.Selection{Numbers: c.numbers()}
	var ids []app.BulkJobID
	for range keeper.BulkWaiting {
		ids = append(ids, c.startBulk(selection, 0))
	}
	c.wantNothingAudited(func() {
		if _, err := c.StartBulkRelogin(t.Context(), order, selection, 0); app.KindOf(err) != app.TooManyRequests {
			t.Errorf("one too many: %v", err)
		}
	})
	c.runBulk()
	ids = append(ids, c.startBulk(selection, 0))
	jobs, err := c.BulkJobs(t.Context(), 3)
	if err != nil || len(jobs) != 3 {
		t.Fatalf("%d jobs, %v", len(jobs), err)
	}
	for i, one := range jobs {
		if one.ID != ids[len(ids)-1-i] {
			t.Errorf("job %d is %+v", i, one)
		}
	}
	for _, test := range []struct {
		pass time.Duration
		left int
	}{{90 * 24 * time.Hour, len(ids)}, {time.Second, 1}} {
		c.pass(test.pass)
		if err := c.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if jobs, err := c.BulkJobs(t.Context(), 100); err != nil || len(jobs) != test.left || jobs[0].State != app.BulkWaiting {
			t.Errorf("after %v there are %+v, %v", test.pass, jobs, err)
		}
	}
}

func TestBulkJobStartsAtOnce(t *testing.T) {
	c := newCrowd(t, 20)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	first := make(chan struct{}, 1)
	work := job.Job{Name: "bulk jobs", Every: time.Hour, Wake: c.BulkWake(), Run: func(ctx context.Context) error {
		defer func() { first <- struct{}{} }()
		return c.RunBulk(ctx)
	}}
	go func() {
		defer close(ended)
		job.Runner{Store: c.store, Clock: time.Now, Log: c.Options.Log}.Run(ctx, work)
	}()
	<-first // it found nothing to do
	id := c.startBulk(app.Selection{Numbers: c.numbers()}, 0)
	<-first
	stop()
	<-ended
	if done := c.bulkJob(id); done.State != app.BulkDone {
		t.Errorf("the job is %+v", done)
	}
}
