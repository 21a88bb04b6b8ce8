package diagnosis

import (
	"context"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// Options are what a Troubleshooter is made of.
type Options struct {
	App        app.App
	Store      *db.DB
	Ring       *db.KeyRing // to find phone numbers
	Clock      func() time.Time
	EventsKeep time.Duration
	KeyAging   time.Duration // how long a confirmation of a key says anything
}

// Troubleshooter answers complaints about the users of one app. It only reads, and is safe for concurrent use.
type Troubleshooter struct {
	Options
	read *db.Queries
}

// New makes a Troubleshooter.
func New(options Options) *Troubleshooter {
	return &Troubleshooter{Options: options, read: options.Store.Read()}
}

// Diagnose answers a question. What may mean several things is looked up as each of them, the likeliest first. MissingParameter
// and Malformed: the question cannot be read; the error's Field says what of it.
func (t *Troubleshooter) Diagnose(ctx context.Context, question Question) (Diagnosis, error) {
	now := t.Clock()
	asked, err := question.read(now)
	if err != nil {
		return Diagnosis{}, err
	}
	var missed Diagnosis
	for i, one := range asked.readings {
		if one.by == ByPhone && !question.Role.FindsByPhone() {
			one = reading{ByPhoneTail, one.tail()}
		}
		c := t.complain(asked, one, now)
		c.byPhone = question.Role.FindsByPhone()
		d, err := t.answer(ctx, c, one)
		if err != nil {
			return Diagnosis{}, err
		}
		if !d.missed() {
			return d, nil
		}
		if i == 0 {
			missed = d
		}
	}
	return missed, nil
}

// missed says whether the text was taken for something that is not there.
func (d Diagnosis) missed() bool {
	switch d.Finding {
	case UnknownUser, UnknownSupportCode, UnknownRid:
		return true
	}
	return false
}

// How far back events are looked at where no time is said: failures, since complaints come late; and traces of the user.
const (
	failuresBack = 3 * oneDay
	tracesBack   = oneDay
)

// complain begins a complaint.
func (t *Troubleshooter) complain(asked asked, as reading, now time.Time) *complaint {
	c := &complaint{
		asked: Asked{
			By: as.by, Text: as.text, Window: asked.window, Version: asked.version, Address: asked.address, Phone: asked.phone,
		},
		now:    now,
		window: asked.window,
		kept:   now.Add(-t.EventsKeep),
	}
	switch as.by {
	case ByPhone:
		c.asked.Text = as.tail()
	case ByTime:
		if asked.window.Empty() {
			c.window = Window{now.Add(-tracesBack), now}
		}
	}
	if c.window.Empty() {
		c.window = Window{now.Add(-failuresBack), now}
	}
	if !c.window.To.Before(now) {
		c.window.To = c.rightNow()
	}
	return c
}

// answer looks for what the complaint names and judges it.
func (t *Troubleshooter) answer(ctx context.Context, c *complaint, as reading) (Diagnosis, error) {
	if !c.window.To.After(c.kept) {
		return c.finding(PastKeeping), nil
	}
	switch as.by {
	case ByTime:
		return t.answerTime(ctx, c)
	case BySupportCode:
		return t.answerSupportCode(ctx, c, app.RequestID(as.text))
	case ByRid:
		return t.answerRid(ctx, c, as.text)
	default:
		return t.answerUser(ctx, c, as)
	}
}

// answerUser judges the one user that fits, or offers all that do.
func (t *Troubleshooter) answerUser(ctx context.Context, c *complaint, as reading) (Diagnosis, error) {
	users, more, err := t.usersBy(ctx, c, as)
	if err != nil {
		return Diagnosis{}, err
	}
	if len(users) == 1 && !more {
		return t.judgeUser(ctx, c, users[0])
	}
	d := c.finding(Candidates)
	if len(users) == 0 {
		d.Finding = UnknownUser
	}
	d.Candidates, d.More = users, more
	return d, nil
}

func (t *Troubleshooter) judgeUser(ctx context.Context, c *complaint, user app.User) (Diagnosis, error) {
	if err := t.load(ctx, c, user); err != nil {
		return Diagnosis{}, err
	}
	return t.judge(ctx, c)
}

// answerSupportCode judges the request that a support code names.
func (t *Troubleshooter) answerSupportCode(ctx context.Context, c *complaint, code app.RequestID) (Diagnosis, error) {
	events, err := t.read.EventsOfRequest(ctx, code, c.now, c.kept)
	if err != nil {
		return Diagnosis{}, err
	}
	d, err := t.answerNamed(ctx, c, events)
	if d.Finding != "" || err != nil {
		return d, err
	}
	d = c.finding(UnknownSupportCode)
	if times := code.Times(c.now, c.kept); len(times) > 0 {
		d.Since = times[0]
	}
	return d, nil
}

// answerNamed judges what has left the events that a support code or a rid names. No Finding: there are none of this app.
func (t *Troubleshooter) answerNamed(ctx context.Context, c *complaint, events []app.Event) (Diagnosis, error) {
	c.name(events, t.App.ID)
	if len(c.named) == 0 {
		return Diagnosis{}, nil
	}
	if c.asked.By != ByTime {
		c.window, _ = around(c.named[0].At(), offMinute/2).until(c.rightNow())
	}
	for _, event := range c.named {
		if event.UserID == 0 {
			continue
		}
		user, err := t.read.UserByID(ctx, event.UserID)
		if app.KindOf(err) == app.NotFound {
			break // erased meanwhile
		}
		if err != nil {
			return Diagnosis{}, err
		}
		return t.judgeUser(ctx, c, user)
	}
	return t.judge(ctx, c)
}

// usersBy finds the users that a text means, the newest first, as many as are offered, and says whether there may be more.
func (t *Troubleshooter) usersBy(ctx context.Context, c *complaint, as reading) (users []app.User, more bool, err error) {
	switch as.by {
	case ByUserNumber:
		users, err = oneUser(t.read.UserByNumber(ctx, t.App.ID, app.UserNumber(number(as.text))))
		return users, false, err
	case ByOpenID:
		users, err = oneUser(t.read.UserByOpenID(ctx, t.App.ID, app.OpenID(as.text)))
		return users, false, err
	}
	listing := db.UserListing{
		AppID: t.App.ID, Filter: app.UserFilter{Search: as.text}, Limit: candidatesShown, Now: c.now, Aging: t.KeyAging,
	}
	if c.byPhone {
		listing.PhoneHash = t.Ring.PhoneHash
	}
	page, err := t.read.ListUsers(ctx, listing)
	for _, listed := range page.Users {
		if as.fits(listed.User) {
			users = append(users, listed.User)
		}
	}
	// What a text names comes before what holds it in a nickname, so the search has not missed any but nicknames.
	return users, page.Next != "" && (as.by == ByNickname || len(users) == candidatesShown), err
}

func oneUser(user app.User, err error) ([]app.User, error) {
	if app.KindOf(err) == app.NotFound {
		return nil, nil
	}
	return []app.User{user}, err
}

// fits says whether a search, which looks everywhere, has found a user by what the text was taken for.
func (r reading) fits(user app.User) bool {
	switch r.by {
	case ByUnionID:
		return string(user.UnionID) == r.text
	case ByPhone, ByPhoneTail:
		return user.Phone.Tail == r.tail()
	}
	return true
}

// phoneTail is how many of a phone number's digits may be shown.
const phoneTail = 4

func (r reading) tail() string { return r.text[len(r.text)-phoneTail:] }
