package web

import (
	"context"
	"strconv"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
	"wxkeeper/views"
)

const (
	eventsLatest   = 10  // on the first page about a user
	eventsOnPage   = 50  // on the page of a user's events
	eventsOnLanes  = 100 // looked at for the picture of a user's keys
	auditOnPage    = 50
	userNumberSize = 9
)

// userOf finds the user of the address. NotFound: it names nobody.
func (d *Dashboard) userOf(v *visit) (app.User, error) {
	text := v.Param("number")
	number, err := strconv.ParseInt(text, 10, 32)
	if err != nil || len(text) != userNumberSize || app.UserNumber(number).String() != text {
		return app.User{}, app.Fail(app.NotFound, "")
	}
	return d.Store.Read().UserByNumber(v.context(), d.Keeper.AppID(), app.UserNumber(number))
}

// userFrame reads what all pages about a user have in common.
func (d *Dashboard) userFrame(v *visit, user app.User, tab views.UserTab) (views.UserPage, []app.KeyRecord, error) {
	ctx, read := v.context(), d.Store.Read()
	p := views.UserPage{User: user, Tab: tab}
	keys, err := read.KeysOfUser(ctx, user.ID)
	if err != nil {
		return p, nil, err
	}
	if len(keys) > 0 && keys[0].Current() {
		p.Key, p.Fresh = keys[0], keys[0].Freshness(v.now(), d.Keeper.Settings().KeyAging)
	}
	if p.Sessions, err = read.SessionsOfUser(ctx, user.ID); err != nil {
		return p, nil, err
	}
	if user.Disabled() {
		if p.Disabling, err = d.disabling(ctx, read, user); err != nil {
			return p, nil, err
		}
	}
	p.Frame = v.frame(v.text.T("user.title", "number", user.Number.String()), views.SectionUsers)
	p.Address = views.UserTabAddress(user.Number, tab)
	return p, keys, nil
}

// disabling finds who disabled a user. The zero row: it is not known.
func (d *Dashboard) disabling(ctx context.Context, read *db.Queries, user app.User) (app.AuditRow, error) {
	found, err := read.ListAudit(ctx, db.AuditListing{UserID: user.ID, Action: app.ActionDisable, Limit: 1})
	if err != nil || len(found.Rows) == 0 {
		return app.AuditRow{}, err
	}
	return found.Rows[0], nil
}

func (d *Dashboard) userPage(v *visit) error {
	user, err := d.userOf(v)
	if err != nil {
		return err
	}
	p, err := d.profileOf(v, user)
	if err != nil {
		return err
	}
	return v.page(p.View())
}

func (d *Dashboard) profileOf(v *visit, user app.User) (views.UserProfilePage, error) {
	frame, _, err := d.userFrame(v, user, views.UserProfile)
	if err != nil {
		return views.UserProfilePage{}, err
	}
	events, err := d.Store.Read().EventsOf(v.context(), user.LastEvent, eventsLatest)
	if err != nil {
		return views.UserProfilePage{}, err
	}
	external, err := d.Store.Read().ExternalIDs(v.context(), []app.UserID{user.ID})
	if err != nil {
		return views.UserProfilePage{}, err
	}
	elsewhere, err := d.elsewhere(v, user)
	return views.UserProfilePage{
		UserPage: frame, Events: events, KeptFor: d.eventDays(), Elsewhere: elsewhere, External: external[user.ID],
	}, err
}

// elsewhere finds the same person in the server's other apps.
func (d *Dashboard) elsewhere(v *visit, user app.User) ([]views.SameUser, error) {
	if d.Site == nil {
		return nil, nil
	}
	users, err := d.Store.Read().SamePerson(v.context(), user)
	var same []views.SameUser
	for _, m := range d.Site.serving.Members() {
		for _, one := range users {
			if one.AppID == m.Record().ID {
				link := d.Site.link(m, "")
				same = append(same, views.SameUser{
					App: link.Called(), OpenID: one.OpenID, Address: link.Leads(views.UserAddress(one.Number)),
				})
			}
		}
	}
	return same, err
}

// eventDays is how many days events are kept.
func (d *Dashboard) eventDays() int { return int(d.Keeper.Settings().EventsKeep / (24 * time.Hour)) }

func (d *Dashboard) userKeysPage(v *visit) error {
	user, err := d.userOf(v)
	if err != nil {
		return err
	}
	frame, keys, err := d.userFrame(v, user, views.UserKeys)
	if err != nil {
		return err
	}
	events, err := d.Store.Read().EventsOf(v.context(), user.LastEvent, eventsOnLanes)
	if err != nil {
		return err
	}
	settings := d.Keeper.Settings()
	return v.page(views.UserKeysPage{UserPage: frame, Timeline: views.KeyTimeline{
		Keys: keys, Events: events, Aging: settings.KeyAging, Grace: settings.KeyGrace,
	}}.View())
}

func (d *Dashboard) userDevicesPage(v *visit) error {
	user, err := d.userOf(v)
	if err != nil {
		return err
	}
	p, err := d.devicesOf(v, user)
	if err != nil {
		return err
	}
	return v.page(p.View())
}

func (d *Dashboard) devicesOf(v *visit, user app.User) (views.UserDevicesPage, error) {
	frame, _, err := d.userFrame(v, user, views.UserDevices)
	settings := d.Keeper.Settings()
	return views.UserDevicesPage{UserPage: frame, Policy: settings.Sessions, FollowKey: settings.FollowKey}, err
}

func (d *Dashboard) userHistoryPage(v *visit) error {
	user, err := d.userOf(v)
	if err != nil {
		return err
	}
	changes, err := d.Store.Read().ChangesOfUser(v.context(), user.ID)
	if err != nil {
		return err
	}
	frame, _, err := d.userFrame(v, user, views.UserHistory)
	if err != nil {
		return err
	}
	return v.page(views.UserHistoryPage{UserPage: frame, Changes: changes}.View())
}

func (d *Dashboard) userEventsPage(v *visit) error {
	user, err := d.userOf(v)
	if err != nil {
		return err
	}
	newest := user.LastEvent
	cursor := app.EventID(v.cursor())
	if cursor != 0 {
		newest = cursor
	}
	events, err := d.Store.Read().EventsOf(v.context(), newest, eventsOnPage)
	if err != nil {
		return err
	}
	if len(events) > 0 && events[0].UserID != user.ID {
		return app.Fail(app.NotFound, "") // a cursor of somebody else's
	}
	frame, _, err := d.userFrame(v, user, views.UserEvents)
	if err != nil {
		return err
	}
	p := views.UserEventsPage{UserPage: frame, Events: events, Later: cursor != 0, KeptFor: d.eventDays()}
	if len(events) == eventsOnPage {
		p.Next = events[eventsOnPage-1].Previous
	}
	return v.page(p.View())
}

func (d *Dashboard) userAuditPage(v *visit) error {
	user, err := d.userOf(v)
	if err != nil {
		return err
	}
	cursor := v.cursor()
	found, err := d.Store.Read().ListAudit(v.context(), db.AuditListing{UserID: user.ID, Before: cursor, Limit: auditOnPage})
	if err != nil {
		return err
	}
	frame, _, err := d.userFrame(v, user, views.UserAudit)
	if err != nil {
		return err
	}
	return v.page(views.UserAuditPage{UserPage: frame, Rows: found.Rows, Next: found.Next, Later: cursor != 0}.View())
}

// cursor is where the list on the page begins, 0 at its beginning. What is no cursor counts as none.
func (v *visit) cursor() int64 {
	cursor, err := strconv.ParseInt(v.QueryParam(views.CursorParameter), 10, 64)
	if err != nil {
		return 0
	}
	return max(cursor, 0)
}

// avatarPicture shows a picture that a user uploaded, also where the API is served at another address.
func (d *Dashboard) avatarPicture(v *visit) error {
	file, err := d.Keeper.Avatar(v.context(), v.Param("name"))
	return showAvatar(v, file, err)
}
