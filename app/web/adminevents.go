package web

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
	"wxkeeper/views"
)

func (d *Dashboard) eventsPage(v *visit) error {
	asked := eventQuery(v.QueryParams())
	filter, problem := d.eventFilter(&asked)
	listing, err := eventListing(v.QueryParam(views.CursorParameter))
	if err != nil {
		return err
	}
	page := views.EventsPage{
		Frame: v.frame(v.text.T("nav.events"), views.SectionEvents), Asked: asked, Later: listing.Before+listing.After != 0, KeptFor: d.eventDays(),
	}
	page.Flash = append(page.Flash, v.ignored(problem)...)
	listing.AppID, listing.Filter, listing.Limit = d.Keeper.AppID(), filter, asked.Size
	if listing.Filter.UserID, page.Unknown, err = d.userAsked(v, asked.User); err != nil {
		return err
	}
	if !page.Unknown {
		if err := d.listEvents(v.context(), listing, &page); err != nil {
			return err
		}
	}
	return v.page(views.Events(page))
}

func (d *Dashboard) listEvents(ctx context.Context, listing db.EventListing, page *views.EventsPage) error {
	found, err := d.Store.Read().ListEvents(ctx, listing)
	if err != nil {
		return err
	}
	page.Events, page.Stopped = found.Events, found.Stopped
	page.Older, page.Newer = cursorsOf(listing, found)
	page.Users, err = d.eventUsers(ctx, found.Events)
	return err
}

// The two kinds of cursor in a list of events: on to older ones, or back to newer ones.
const (
	cursorBefore = "b"
	cursorAfter  = "a"
)

// eventListing is where a page begins, as its cursor says. Malformed: that is none.
func eventListing(cursor string) (listing db.EventListing, err error) {
	if cursor == "" {
		return listing, nil
	}
	id, err := strconv.ParseInt(cursor[1:], 10, 64)
	switch {
	case err != nil, id <= 0:
	case cursor[:1] == cursorBefore:
		return db.EventListing{Before: app.EventID(id)}, nil
	case cursor[:1] == cursorAfter:
		return db.EventListing{After: app.EventID(id)}, nil
	}
	return listing, malformed(views.CursorParameter)
}

// cursorsOf are those of the neighbouring pages. A user's events go one way.
func cursorsOf(listing db.EventListing, found db.EventPage) (older, newer string) {
	cursor := func(kind string, id app.EventID) string {
		if id == 0 {
			return ""
		}
		return kind + strconv.FormatInt(int64(id), 10)
	}
	first, last := listing.Before-1, listing.After+1 // of an empty page
	if len(found.Events) > 0 {
		first, last = found.Events[0].ID, found.Events[len(found.Events)-1].ID
	}
	switch {
	case listing.After != 0:
		return cursor(cursorBefore, last), cursor(cursorAfter, found.Next)
	case listing.Before != 0 && listing.Filter.UserID == 0:
		newer = cursor(cursorAfter, first)
	}
	return cursor(cursorBefore, found.Next), newer
}

// eventQuery reads what is asked for in an address.
func eventQuery(values url.Values) views.EventQuery {
	get := func(name string) string { return shortened(strings.TrimSpace(values.Get(name))) }
	return views.EventQuery{
		Reason: shortened(strings.Join(values["reason"], ",")), Version: get("version"), Platform: get("platform"), Errcode: get("errcode"), User: get("user"),
		Address: get("address"), From: get("from"), To: get("to"), Size: pageSize(values),
	}
}

// shortened keeps what was typed from being more than a filter can be.
func shortened(text string) string {
	const longest = 2000 // bytes: all reasons there are
	if len(text) > longest {
		text = text[:longest]
	}
	return strings.ToValidUTF8(text, "")
}

func pageSize(values url.Values) int {
	size, _ := strconv.Atoi(values.Get("size"))
	if !slices.Contains(pageSizes, size) {
		return pageSizes[0]
	}
	return size
}

// eventFilter is what a query means, but for its user. A part that means nothing is taken out of the query and named.
func (d *Dashboard) eventFilter(asked *views.EventQuery) (filter app.EventFilter, problem string) {
	refuse := func(text *string) { problem, *text = *text, "" }
	filter.Version = asked.Version
	filter.Reasons, asked.Reason, problem = reasonsAsked(asked.Reason)
	if platform := app.Platform(asked.Platform); platform != "" {
		if filter.Platform = platform; !slices.Contains(views.PlatformsAsked(), platform) {
			filter.Platform = ""
			refuse(&asked.Platform)
		}
	}
	if asked.Errcode != "" {
		errcode, err := strconv.Atoi(asked.Errcode)
		if filter.Errcode = errcode; err != nil || errcode == 0 {
			refuse(&asked.Errcode)
		}
	}
	if asked.Address != "" {
		address, err := netip.ParseAddr(asked.Address)
		if filter.Address = address.String(); err != nil {
			filter.Address = ""
			refuse(&asked.Address)
		}
	}
	if times := d.timesAsked(&asked.From, &asked.To, &filter.From, &filter.To); times != "" {
		problem = times
	}
	return filter, problem
}

// reasonsAsked reads ids of reasons and of groups, and says which mean anything.
func reasonsAsked(ids string) (reasons []app.Reason, known, problem string) {
	var kept []string
	for _, id := range strings.FieldsFunc(ids, func(r rune) bool { return r == ',' }) {
		meant := views.EventGroup(id).Reasons()
		if slices.Contains(app.Reasons(), app.Reason(id)) {
			meant = []app.Reason{app.Reason(id)}
		}
		if len(meant) == 0 {
			problem = id
			continue
		}
		kept = append(kept, id)
		for _, reason := range meant {
			if !slices.Contains(reasons, reason) {
				reasons = append(reasons, reason)
			}
		}
	}
	return reasons, strings.Join(kept, ","), problem
}

// timesAsked reads the times of a form, which are of the dashboard's zone. One that is none is emptied and named.
func (d *Dashboard) timesAsked(fromText, toText *string, from, to *time.Time) (problem string) {
	for _, one := range []struct {
		text *string
		at   *time.Time
	}{{fromText, from}, {toText, to}} {
		var err error
		if *one.at, err = d.timeAsked(*one.text); err != nil {
			problem, *one.text = *one.text, ""
		}
	}
	return problem
}

var errNoTime = errors.New("no time")

// timeAsked reads one time of a form, zero where none was given.
func (d *Dashboard) timeAsked(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{eventTimeLayout, eventTimeLayout + ":05", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, d.Location); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errNoTime
}

// ignored tells of a part of a filter that means nothing.
func (v *visit) ignored(problem string) []views.Flash {
	if problem == "" {
		return nil
	}
	return []views.Flash{{Kind: views.ToneWarn, Text: v.text.T("list.bad", "filter", problem)}}
}

// userAsked finds the user whose number is asked for, 0 where none is.
func (d *Dashboard) userAsked(v *visit, text string) (id app.UserID, unknown bool, err error) {
	if text == "" {
		return 0, false, nil
	}
	number, err := parseNumber(text)
	if err != nil {
		return 0, true, nil
	}
	user, err := d.Store.Read().UserByNumber(v.context(), d.Keeper.AppID(), number)
	if app.KindOf(err) == app.NotFound {
		return 0, true, nil
	}
	return user.ID, false, err
}

// eventUsers are those whose events are shown.
func (d *Dashboard) eventUsers(ctx context.Context, events []app.Event) (map[app.UserID]views.EventUser, error) {
	var ids []app.UserID
	for _, event := range events {
		if event.UserID != 0 && !slices.Contains(ids, event.UserID) {
			ids = append(ids, event.UserID)
		}
	}
	users, err := d.Store.Read().UsersByID(ctx, ids)
	shown := map[app.UserID]views.EventUser{}
	for _, user := range users {
		shown[user.ID] = views.EventUser{Number: user.Number}
		if !user.Profile.Anonymous() {
			shown[user.ID] = views.EventUser{Number: user.Number, Name: user.Profile.Nickname}
		}
	}
	return shown, err
}
