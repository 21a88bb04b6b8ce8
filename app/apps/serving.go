package apps

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/app/wechat"
)

// Options are what Serving is made of.
type Options struct {
	Register Register
	// Secrets of the default app, from the server's settings.
	Secrets       app.AppSecrets[app.Secret]
	LoginsWaiting int             // logins of one app that may wait for WeChat
	Settings      keeper.Settings // of every app, but for its token policy
	Log           *slog.Logger
}

// Serving keeps a Member for every app that is stored. Follow it, then Close it.
type Serving struct {
	Options
	faces    func(m *Member, isDefault bool) Faces
	bulkWake chan struct{}
	refresh  sync.Mutex           // one at a time, and guards failing
	failing  map[app.Appid]string // why an app cannot be served, as it was logged
	ending   sync.WaitGroup       // members that others have taken the place of

	lock    sync.RWMutex // guards what follows
	members map[app.Appid]*Member
	first   *Member // the default app
}

// Faces are how an app is reached.
type Faces struct {
	API       http.Handler
	Dashboard http.Handler
	End       func() // ends answers that go on until they are told to end
}

// Member is one app while it is served.
type Member struct {
	Keeper *keeper.Keeper
	WeChat *wechat.Client
	Push   *wechat.Push // nil: not set up
	Faces

	record atomic.Pointer[app.AppRecord]
	using  sync.WaitGroup
}

// Record is what is stored of the app, as it was last read.
func (m *Member) Record() app.AppRecord { return *m.record.Load() }

// Served says whether the app's users are answered: it is not disabled, and its secret is known.
func (m *Member) Served() bool { return m.API != nil }

// Serve makes Serving with a Member for every app there is. faces is called for each Member, once.
func Serve(ctx context.Context, options Options, faces func(m *Member, isDefault bool) Faces) (*Serving, error) {
	s := &Serving{
		Options: options, faces: faces, bulkWake: make(chan struct{}, 1), members: map[app.Appid]*Member{},
		failing: map[app.Appid]string{},
	}
	record, err := options.Register.Store.Read().AppRecord(ctx, options.Register.Default)
	if err != nil {
		return nil, err
	}
	if s.first, err = s.begin(record, &Member{}); err != nil {
		return nil, err
	}
	s.members[record.Appid] = s.first
	if err := s.Refresh(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Default is the app of the server's settings. It lasts as long as Serving does.
func (s *Serving) Default() *Member { return s.first }

// followEvery is how soon a change that another process made takes effect.
const followEvery = 2 * time.Second

// Follow takes up what other processes change, until the context ends.
func (s *Serving) Follow(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := s.Refresh(ctx); err != nil && ctx.Err() == nil {
				s.Log.WarnContext(ctx, "the list of apps could not be read; it is read again soon", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// Refresh begins to serve apps that are new, and those that have changed anew. Requests that have begun end as they began. An app whose
// secrets do not open is logged and left as it was; the others are served.
func (s *Serving) Refresh(ctx context.Context) error {
	s.refresh.Lock()
	defer s.refresh.Unlock()
	records, err := s.Register.All(ctx)
	if err != nil {
		return err
	}
	for _, record := range records {
		s.note(ctx, record.Appid, s.take(record))
	}
	return nil
}

// note logs an app's trouble when it begins, changes, or is over.
func (s *Serving) note(ctx context.Context, appid app.Appid, trouble error) {
	before, was := s.failing[appid]
	switch {
	case trouble != nil && trouble.Error() != before:
		s.failing[appid] = trouble.Error()
		s.Log.ErrorContext(ctx, "an app cannot be served as it is stored; it is tried again all the time", "appid", appid, "error", trouble)
	case trouble == nil && was:
		delete(s.failing, appid)
		s.Log.InfoContext(ctx, "an app is served as it is stored again", "appid", appid)
	}
}

// take serves an app as its record says, unless it is served so already.
func (s *Serving) take(record app.AppRecord) error {
	s.lock.RLock()
	known := s.members[record.Appid]
	s.lock.RUnlock()
	switch {
	case known != nil && known.Record().Revision == record.Revision:
		return nil
	case known == s.first:
		known.record.Store(&record) // the rest of it stands in the settings
		return nil
	}
	before := known
	if before == nil {
		before = &Member{}
	}
	fresh, err := s.begin(record, before)
	if err != nil {
		return err
	}
	s.lock.Lock()
	s.members[record.Appid] = fresh
	s.lock.Unlock()
	if known != nil {
		s.ending.Go(known.end) // which waits for whoever asked for the change, too
	}
	return nil
}

// noSecret stands where an app's secret is not known. WeChat is never asked with it: such an app is not served, and its keys are not checked.
const noSecret = "unknown"

// begin makes the Member that takes the place of another, and counts on from there.
func (s *Serving) begin(record app.AppRecord, before *Member) (*Member, error) {
	secrets, err := s.Register.secrets(record)
	if err != nil {
		return nil, err
	}
	if record.Appid == s.Register.Default {
		secrets = s.Secrets
	}
	settings := s.Settings
	if record.Policy != app.PolicyServer {
		settings.FollowKey = record.Policy == app.PolicyFollowKey
	}
	served := secrets.Secret != "" && (!record.Disabled() || record.Appid == s.Register.Default)
	if !served {
		settings.ChecksPerMinute = 0
	}
	if secrets.Secret == "" {
		secrets.Secret = noSecret
	}
	m := &Member{}
	m.record.Store(&record)
	m.WeChat, err = wechat.NewClient(wechat.Options{
		BaseURL: s.Register.WeChatURL, Appid: record.Appid, Secret: secrets.Secret, MaxWaiting: s.LoginsWaiting,
		AccessTokens: keeper.AccessTokens(s.Register.Store, s.Register.Ring, record.App), Log: s.Log, Before: before.WeChat,
	})
	if err != nil {
		return nil, err
	}
	if secrets.PushToken != "" {
		m.Push, err = wechat.NewPush(wechat.PushOptions{Appid: record.Appid, Token: secrets.PushToken, AESKey: secrets.PushKey})
		if err != nil {
			return nil, err
		}
	}
	m.Keeper = keeper.New(keeper.Options{
		App: record.App, Store: s.Register.Store, Ring: s.Register.Ring, WeChat: m.WeChat, Clock: s.Register.Clock, Log: s.Log,
		Settings: settings, BulkWake: s.bulkWake, Before: before.Keeper,
	})
	m.Faces = s.faces(m, record.Appid == s.Register.Default)
	if !served {
		m.API = nil
	}
	return m, nil
}

// end waits for whoever is being answered.
func (m *Member) end() {
	m.End()
	m.using.Wait()
	m.Keeper.Close()
}

// Use finds an app and keeps it as it is until done is called. False: there is no such app.
func (s *Serving) Use(appid app.Appid) (m *Member, done func(), found bool) {
	s.lock.RLock()
	defer s.lock.RUnlock()
	m, found = s.members[appid]
	if !found {
		return nil, nil, false
	}
	m.using.Add(1)
	return m, m.using.Done, true
}

// Members lists the apps, the oldest first.
func (s *Serving) Members() []*Member {
	s.lock.RLock()
	defer s.lock.RUnlock()
	var all []*Member
	for _, m := range s.members {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b *Member) int { return int(a.Record().ID - b.Record().ID) })
	return all
}

// Each does work for one app after another: a failure for one keeps it from none of the others.
func (s *Serving) Each(work func(*keeper.Keeper, context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		var failures []error
		for _, listed := range s.Members() {
			if m, done, found := s.Use(listed.Record().Appid); found {
				failures = append(failures, work(m.Keeper, ctx))
				done()
			}
		}
		return errors.Join(failures...)
	}
}

// BulkWake gets a value when an app has a new bulk job.
func (s *Serving) BulkWake() <-chan struct{} { return s.bulkWake }

// EndStreams ends the answers that go on until they are told to end.
func (s *Serving) EndStreams() {
	for _, m := range s.Members() {
		m.End()
	}
}

// Close ends every app, after the last request and the last work.
func (s *Serving) Close() {
	for _, m := range s.Members() {
		m.end()
	}
	s.ending.Wait()
}
