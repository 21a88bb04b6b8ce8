package diagnosis

import (
	"cmp"
	"context"
	"slices"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// complaint is one complaint with all that was read about it.
type complaint struct {
	asked  Asked
	now    time.Time
	kept   time.Time // older events are not kept
	window Window    // what it is about

	byPhone bool // whoever asks may find users by full phone numbers

	named []app.Event // the events that a support code or a rid names, newest first

	user     *app.User
	keys     []app.KeyRecord
	sessions []app.Session
	own      []app.Event // the user's, newest first, from the window's beginning until now
	reached  bool        // own holds all of them
}

// rightNow is the end of a window that ends now: what happens at this moment belongs to it.
func (c *complaint) rightNow() time.Time { return c.now.Add(time.Second) }

// finding begins a diagnosis.
func (c *complaint) finding(finding Finding) Diagnosis {
	return Diagnosis{Asked: c.asked, Window: c.window, Finding: finding, User: c.user, KeptFor: c.now.Sub(c.kept)}
}

// name keeps the events of this app, newest first.
func (c *complaint) name(events []app.Event, appID app.AppID) {
	c.named = slices.DeleteFunc(slices.Clone(events), func(e app.Event) bool { return e.AppID != appID })
	slices.SortFunc(c.named, func(a, b app.Event) int { return cmp.Compare(b.ID, a.ID) })
}

// currentKey is the user's current key, if there is one.
func (c *complaint) currentKey() (app.KeyRecord, bool) {
	if len(c.keys) == 0 || !c.keys[0].Current() {
		return app.KeyRecord{}, false
	}
	return c.keys[0], true
}

// timeIsSaid says whether the complaint is about a time, not about how things are.
func (c *complaint) timeIsSaid() bool { return !c.asked.Window.Empty() }

// worked is the newest event of the user that worked; with a failure: later, and that shows that it works again.
func (c *complaint) worked(after *app.Event) (app.Event, bool) {
	for _, event := range c.own {
		if after != nil && event.ID <= after.ID {
			break
		}
		if after == nil && worked(event) || after != nil && heals(event, *after) {
			return event, true
		}
	}
	return app.Event{}, false
}

// ownPages and ownPage bound how many of a user's events are looked at.
const (
	ownPages = 2
	ownPage  = 500
)

// load reads what is known of a user, back to the window's beginning.
func (t *Troubleshooter) load(ctx context.Context, c *complaint, user app.User) (err error) {
	c.user = &user
	if c.keys, err = t.read.KeysOfUser(ctx, user.ID); err != nil {
		return err
	}
	if c.sessions, err = t.read.SessionsOfUser(ctx, user.ID); err != nil {
		return err
	}
	listing := db.EventListing{
		AppID: t.App.ID, Filter: app.EventFilter{UserID: user.ID, From: c.window.From}, Limit: ownPage,
	}
	for range ownPages {
		page, err := t.read.ListEvents(ctx, listing)
		if err != nil {
			return err
		}
		c.own = append(c.own, page.Events...)
		if listing.Before = page.Next; page.Next == 0 {
			c.reached = true
			break
		}
	}
	return nil
}
