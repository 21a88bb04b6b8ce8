package views

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"wxkeeper/app"
)

// Frame is what every page has in common. Page structs embed it, so that components are called on the page itself:
// @p.Layout() { @p.Time(at) }. The zero value renders, signed out and in Chinese.
type Frame struct {
	Text
	Base      string         // the path that stands before every address of ours in a link, such as /keeper; empty: none
	Title     string         // of this page, in the window's title
	Section   Section        // which part of the navigation the page belongs to
	Operator  app.Operator   // who is signed in; zero: nobody
	Theme     Theme          // what the operator chose
	Address   string         // path and query of this page, behind the base, to come back to; empty: it cannot be had again
	Appid     app.Appid      // the mini program that the page is about
	Apps      []AppLink      // all of them, where there are several
	AppsPage  bool           // apps can be added and changed here
	EnvName   string         // which installation this is, such as staging; empty: not said
	Sandbox   bool           // the emulator runs beside us
	Now       time.Time      // what relative times are seen from
	Location  *time.Location // of times on the page; nil: China's
	Flash     []Flash        // results of what was done before this page
	RequestID app.RequestID  // of the request that the page answers
	Attention int            // how many matters wait for somebody
	Version   string         // of this program
}

// AppLink leads to the same dashboard for one mini program.
type AppLink struct {
	ID      app.AppID
	Appid   app.Appid
	Name    string // may be empty
	Address string // complete, with what stands before every address of ours
	Current bool   // the page is about it
}

// Leads is an address of the dashboard for this mini program, complete.
func (l AppLink) Leads(address string) string {
	return strings.TrimSuffix(l.Address, "/admin/") + address
}

// Called is how people call the mini program.
func (l AppLink) Called() string { return cmp.Or(l.Name, string(l.Appid)) }

// Flash is the result of an action, shown on the next page.
type Flash struct {
	Kind Tone
	Text string
}

// Theme is light, dark, or empty to follow the system.
type Theme string

// The themes.
const (
	ThemeSystem Theme = ""
	ThemeLight  Theme = "light"
	ThemeDark   Theme = "dark"
)

// Section is one entry of the navigation; pages outside it have none.
type Section string

// The sections, in the order of the navigation.
const (
	SectionOverview     Section = "overview"
	SectionTroubleshoot Section = "troubleshoot"
	SectionUsers        Section = "users"
	SectionKeys         Section = "keys"
	SectionEvents       Section = "events"
	SectionAudit        Section = "audit"
	SectionOperators    Section = "operators"
	SectionApps         Section = "apps"
	SectionIntegrations Section = "integrations"
	SectionAlerts       Section = "alerts"
	SectionSystem       Section = "system"
	SectionPhones       Section = "phones"
)

// destination is a section with its place.
type destination struct {
	Section Section
	Address string
	Icon    string
	Key     string   // follows g on the keyboard
	Role    app.Role // whom its page needs at least
	House   bool     // about the server and its operators, not the daily work
}

var destinations = []destination{
	{Section: SectionOverview, Address: "/admin/", Icon: "layout-dashboard", Key: "o", Role: app.RoleViewer},
	{Section: SectionTroubleshoot, Address: "/admin/troubleshoot", Icon: "stethoscope", Key: "t", Role: app.RoleViewer},
	{Section: SectionUsers, Address: "/admin/users", Icon: "users-round", Key: "u", Role: app.RoleViewer},
	{Section: SectionKeys, Address: "/admin/keys", Icon: "key-round", Key: "k", Role: app.RoleViewer},
	{Section: SectionEvents, Address: "/admin/events", Icon: "activity", Key: "e", Role: app.RoleViewer},
	{Section: SectionAudit, Address: "/admin/audit", Icon: "scroll-text", Key: "a", Role: app.RoleOperator, House: true},
	{Section: SectionOperators, Address: "/admin/operators", Icon: "shield-user", Role: app.RoleAdmin, House: true},
	{Section: SectionApps, Address: "/admin/apps", Icon: "layout-grid", Role: app.RoleViewer, House: true},
	{Section: SectionIntegrations, Address: "/admin/integrations", Icon: "webhook", Role: app.RoleAdmin, House: true},
	{Section: SectionAlerts, Address: "/admin/alerts", Icon: "bell", Role: app.RoleAdmin, House: true},
	{Section: SectionSystem, Address: "/admin/system", Icon: "server", Role: app.RoleOperator, House: true},
	{Section: SectionPhones, Address: "/admin/phones", Icon: "smartphone", Role: app.RoleOperator, House: true},
}

// navigation lists what this operator may open, in two groups: the daily work, then the house.
func (f Frame) navigation() (work, house []destination) {
	for _, to := range destinations {
		switch {
		case !f.mayOpen(to):
		case to.House:
			house = append(house, to)
		default:
			work = append(work, to)
		}
	}
	return work, house
}

func (f Frame) mayOpen(to destination) bool {
	return f.Operator.Role.Allows(to.Role) && (to.Section != SectionPhones || f.Sandbox) && (to.Section != SectionApps || f.AppsPage)
}

func (f Frame) signedIn() bool { return f.Operator.Name != "" }

// Link is an address as it stands in a page. Everywhere else an address begins behind the base: with /admin/ or /static/. What is no
// path of ours, such as another part of the same page, stays as it is.
func (f Frame) Link(address string) string {
	if strings.HasPrefix(address, "/") {
		return f.Base + address
	}
	return address
}

// LinkIn is Link for a page about one mini program, of which the page that shows the address may not be.
func (f Frame) LinkIn(of app.AppID, address string) string {
	for _, one := range f.Apps {
		if one.ID == of {
			return one.Leads(address)
		}
	}
	return f.Link(address)
}

// With is the address of this page with other values in its query, as pairs of name and value. An empty value takes the
// parameter away. So does every change with the cursor of a list, unless the pairs name it: another filter starts at the first page.
func (f Frame) With(pairs ...string) string {
	address, err := url.Parse(f.Address)
	if err != nil {
		return f.Address
	}
	query := address.Query()
	query.Del(CursorParameter)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			query.Del(pairs[i])
		} else {
			query.Set(pairs[i], pairs[i+1])
		}
	}
	address.RawQuery = query.Encode()
	return address.String()
}

// CursorParameter is the query parameter that says where in a list a page begins.
const CursorParameter = "cursor"

// searched is what stands in the search box on top: the words that this page answers, if it is the list of users.
func (f Frame) searched() string {
	address, err := url.Parse(f.Address)
	if err != nil || f.Section != SectionUsers {
		return ""
	}
	return address.Query().Get("q")
}

// title is the window's title.
func (f Frame) title() string {
	switch {
	case f.Title == "":
		return "wxkeeper"
	case f.EnvName != "":
		return f.Title + " · " + f.EnvName + " · wxkeeper"
	}
	return f.Title + " · wxkeeper"
}

// colorScheme tells the browser before any style sheet which colours its own parts take, so that a dark page never flashes white.
func (f Frame) colorScheme() string {
	if f.Theme == ThemeSystem {
		return "light dark"
	}
	return string(f.Theme)
}

// ParseTheme reads what the form of the theme submits; what it does not know follows the system.
func ParseTheme(text string) Theme {
	switch theme := Theme(text); theme {
	case ThemeLight, ThemeDark:
		return theme
	}
	return ThemeSystem
}
