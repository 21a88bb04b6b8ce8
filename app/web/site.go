package web

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/alert"
	"wxkeeper/app/apps"
	"wxkeeper/app/diagnosis"
	"wxkeeper/app/overview"
	"wxkeeper/db"
	"wxkeeper/views"
)

// appsPrefix begins the paths of an app that is reached by its appid.
const appsPrefix = "/apps/"

// SiteOptions is what a Site is built from. What differs from app to app is left empty in API and Dashboard.
type SiteOptions struct {
	API        Options
	Dashboard  DashboardOptions
	Ring       *db.KeyRing
	EventsKeep time.Duration
	KeyAging   time.Duration
	// SuccessLeast is that of overview.Overview, for every app.
	SuccessLeast int
	// Alerts makes what tells robots of the matters of all apps that are served.
	Alerts func(watched func() []overview.Overview) *alert.Alerts
}

// Site is everything that is served: each app under /apps/{appid}, the default one also, and with every link, under the bare paths.
// Operators, their sessions and the limits of the API are shared.
type Site struct {
	SiteOptions
	base    string
	serving *apps.Serving
	bounds  *bounds

	lock    sync.Mutex
	watched []*overview.Overview
	faces   map[app.AppID]Served // the newest of each app, without its Member
}

// Served is one app and how it is reached.
type Served struct {
	*apps.Member
	API   *Server
	Pages *Dashboard
}

// NewSite builds a Site. Before it is asked anything it must be told by Attach what it serves.
func NewSite(options SiteOptions) *Site {
	s := &Site{SiteOptions: options, base: pathOf(options.API.PublicURL), bounds: newBounds(options.API.APIRate), faces: map[app.AppID]Served{}}
	if options.Alerts != nil {
		s.Dashboard.Alerts = options.Alerts(s.allWatched)
	}
	return s
}

// Attach tells what is served.
func (s *Site) Attach(serving *apps.Serving) { s.serving = serving }

// Served lists the apps, the oldest first, with those whose pages alone are served.
func (s *Site) Served() []Served {
	members := s.serving.Members()
	s.lock.Lock()
	defer s.lock.Unlock()
	all := make([]Served, len(members))
	for i, m := range members {
		all[i] = s.faces[m.Keeper.AppID()]
		all[i].Member = m
	}
	return all
}

// pathOfApp is where an app is reached, without what a proxy takes away.
func (s *Site) pathOfApp(appid app.Appid) string {
	if appid == s.serving.Register.Default {
		return ""
	}
	return appsPrefix + string(appid)
}

// Faces makes API and dashboard of one app.
func (s *Site) Faces(m *apps.Member, isDefault bool) apps.Faces {
	record, store, path := m.Record(), s.Dashboard.Store, ""
	if !isDefault {
		path = appsPrefix + string(record.Appid)
	}
	feed := overview.NewFeed(store, record.ID, s.Dashboard.Log)
	pages := s.Dashboard
	pages.Site, pages.AppPath, pages.Keeper, pages.Feed, pages.Host.Push = s, path, m.Keeper, feed, m.Push != nil
	pages.Overview = overview.Overview{
		Store: store, Keeper: m.Keeper, WeChat: m.WeChat, Folder: pages.Host.Folder, Backups: pages.Host.Backups, SuccessLeast: s.SuccessLeast,
	}
	watched := s.watch(pages.Overview)
	pages.Diagnosis = diagnosis.New(diagnosis.Options{
		App: record.App, Store: store, Ring: s.Ring, Clock: pages.Clock, EventsKeep: s.EventsKeep, KeyAging: s.KeyAging,
	})
	if !isDefault {
		pages.Phones = nil
	}
	s.lock.Lock()
	before := s.faces[record.ID]
	s.lock.Unlock()
	calls := s.API
	calls.AppPath, calls.Keeper, calls.Push, calls.Before = path, m.Keeper, m.Push, before.API
	api := New(calls)
	api.bounds = s.bounds
	dashboard := NewDashboard(pages)
	if before.Pages != nil {
		dashboard.streams = before.Pages.streams
	}
	s.lock.Lock()
	s.faces[record.ID] = Served{API: api, Pages: dashboard}
	s.lock.Unlock()
	return apps.Faces{API: api.Handler(), Dashboard: dashboard.Handler(), End: func() {
		s.unwatch(watched)
		feed.Close()
	}}
}

// watch has robots told of an app's matters.
func (s *Site) watch(one overview.Overview) *overview.Overview {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.watched = append(s.watched, &one)
	return &one
}

func (s *Site) unwatch(one *overview.Overview) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.watched = slices.DeleteFunc(s.watched, func(other *overview.Overview) bool { return other == one })
}

// allWatched are the overviews of the apps that are served, one each: of an app that is being served anew, the newest.
func (s *Site) allWatched() []overview.Overview {
	s.lock.Lock()
	defer s.lock.Unlock()
	newest := map[app.AppID]overview.Overview{}
	for _, one := range s.watched {
		newest[one.Keeper.AppID()] = *one
	}
	return slices.Collect(maps.Values(newest))
}

// Handler serves pages, the API, or both.
func (s *Site) Handler(pages, api bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = withoutPrefix(r, s.base)
		m := s.serving.Default()
		appid, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, appsPrefix), "/")
		if strings.HasPrefix(r.URL.Path, appsPrefix) {
			named, done, found := s.serving.Use(app.Appid(appid))
			if found {
				defer done()
				inside := withoutPrefix(r, appsPrefix+appid)
				if api && named.Served() || pages && isPage(inside.Method, inside.URL.Path) {
					m, r = named, inside
				}
			}
		}
		if pages && (!api || isPage(r.Method, r.URL.Path)) {
			m.Dashboard.ServeHTTP(w, r)
			return
		}
		m.API.ServeHTTP(w, r)
	})
}

// withoutPrefix is a request as it comes from a proxy that takes a path away; one that lacks the path comes from such a proxy.
func withoutPrefix(r *http.Request, prefix string) *http.Request {
	path, found := strings.CutPrefix(r.URL.Path, prefix)
	if prefix == "" || !found || path != "" && path[0] != '/' {
		return r
	}
	inside := *r
	address := *r.URL
	address.Path, address.RawPath = path, strings.TrimPrefix(address.RawPath, prefix)
	if path == "" {
		address.Path = "/"
	}
	inside.URL = &address
	return &inside
}

// links are the apps for the switcher of every page: none where there is one app only.
func (s *Site) links(current app.Appid) []views.AppLink {
	if s == nil {
		return nil
	}
	var links []views.AppLink
	for _, m := range s.serving.Members() {
		links = append(links, s.link(m, current))
	}
	if len(links) == 1 {
		return nil
	}
	return links
}

func (s *Site) link(m *apps.Member, current app.Appid) views.AppLink {
	record := m.Record()
	return views.AppLink{
		ID: record.ID, Appid: record.Appid, Name: record.Name, Address: s.base + s.pathOfApp(record.Appid) + adminPath, Current: record.Appid == current,
	}
}
