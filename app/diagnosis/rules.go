package diagnosis

import (
	"context"
	"slices"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// rule gives a finding where it holds; no Finding: it does not.
type rule func(*Troubleshooter, context.Context, *complaint) (Diagnosis, error)

// rules are asked in this order; the first that holds decides.
var rules = []rule{
	(*Troubleshooter).everybodyIsHit,
	(*Troubleshooter).userIsDisabled,
	(*Troubleshooter).namedRequest,
	(*Troubleshooter).phoneButton,
	(*Troubleshooter).newestFailure,
	(*Troubleshooter).likelyFailure,
	(*Troubleshooter).keyIsDead,
	(*Troubleshooter).signedOut,
	(*Troubleshooter).insideWeChat,
	(*Troubleshooter).fineNow,
	(*Troubleshooter).nothingArrived,
}

// judge applies the rules.
func (t *Troubleshooter) judge(ctx context.Context, c *complaint) (Diagnosis, error) {
	for _, holds := range rules {
		d, err := holds(t, ctx, c)
		if err != nil || d.Finding != "" {
			return t.complete(d, c), err
		}
	}
	d := c.finding(NoFailures) // a request that failed nothing, of nobody known
	d.rest(c.named[0])
	d.show(c.named...)
	return d, nil
}

// complete adds what is told of every user, and what the action is about.
func (t *Troubleshooter) complete(d Diagnosis, c *complaint) Diagnosis {
	if key, held := c.currentKey(); held {
		d.Key = key.Freshness(c.now, t.KeyAging)
	}
	switch d.Action {
	case CheckNow, ForceRelogin, EnableUser, ShowDevices:
		if c.user == nil {
			d.Action = NoAction
			break
		}
		d.Target = Target{User: c.user.Number}
	case ShowSameVersion:
		d.Target = Target{Version: d.Version, Window: d.Window}
	case ShowAll:
		d.Target = Target{Version: c.asked.Version, Address: c.asked.Address, Window: d.Window}
		if d.Finding == Wave || d.Finding == InsideWeChat {
			d.Target.Reason = d.Reason
		}
	}
	return d
}

// userIsDisabled says who disabled the user, and why.
func (t *Troubleshooter) userIsDisabled(ctx context.Context, c *complaint) (Diagnosis, error) {
	if c.user == nil || !c.user.Disabled() {
		return Diagnosis{}, nil
	}
	d := c.finding(UserDisabled)
	d.Action, d.Since = EnableUser, c.user.DisabledAt
	for _, event := range c.own {
		if event.Reason == app.LoginDisabled {
			d.Reason = event.Reason
			d.show(event)
		}
	}
	return d, t.nameOperator(ctx, &d, app.ActionDisable)
}

// namedRequest says why the request of a support code or a rid failed, also if it has worked since.
func (t *Troubleshooter) namedRequest(ctx context.Context, c *complaint) (Diagnosis, error) {
	if len(c.named) == 0 {
		return Diagnosis{}, nil
	}
	failure := decisive(c.named)
	if _, known := rulings[failure.Reason]; !known {
		return Diagnosis{}, nil
	}
	return t.ruleOn(ctx, c, failure, c.named)
}

// newestFailure says why the user's newest failure happened, of those after which the same thing has not worked again.
func (t *Troubleshooter) newestFailure(ctx context.Context, c *complaint) (Diagnosis, error) {
	return t.unhealed(ctx, c, failed)
}

// unhealed judges the newest of some of the user's events, of those that nothing has healed. No Finding: there is none.
func (t *Troubleshooter) unhealed(ctx context.Context, c *complaint, are func(app.Event) bool) (Diagnosis, error) {
	for _, event := range c.own {
		if !are(event) || !c.window.Contains(event.At()) {
			continue
		}
		if _, healed := c.worked(&event); healed {
			continue
		}
		request := ofRequest(c.own, event)
		return t.ruleOn(ctx, c, decisive(request), request)
	}
	return Diagnosis{}, nil
}

func (c *complaint) newestFailure() (app.Event, bool) {
	for _, event := range c.own {
		if failed(event) && c.window.Contains(event.At()) {
			return event, true
		}
	}
	return app.Event{}, false
}

// ruleOn says what a failure means: a wave, if many have it; else what it means for this user.
func (t *Troubleshooter) ruleOn(
	ctx context.Context, c *complaint, failure app.Event, evidence []app.Event,
) (Diagnosis, error) {
	ruling := rulings[failure.Reason]
	d := c.finding(ruling.finding)
	d.Action = ruling.action
	d.rest(failure)
	d.show(evidence...)
	if healing, healed := c.worked(&failure); healed {
		c.ruleOnKey(&d, failure)
		d.Healed, d.Action = healing.At(), d.Action.onceHealed()
		if ruling.finding == CheckPending && d.Finding != KeyReplaced {
			d.Finding = FineNow // what the check would say does not matter any more
		}
		return d, nil
	}
	if mayBeWave(failure.Reason) {
		if wave, err := t.wave(ctx, c, failure.Reason, failure.At()); err != nil || wave.Finding != "" {
			return wave, err
		}
	}
	c.ruleOnKey(&d, failure)
	switch {
	case d.Finding == SignedOut:
		return d, t.nameOperator(ctx, &d, app.ActionRelogin, app.ActionEndDevice)
	case failure.Reason == app.LoginDisabled: // the user is enabled by now, or an earlier rule had said so
		return d, t.noteEnabled(ctx, c, &d)
	case d.Finding != ClientMistake && hitsEverybody(failure.Reason):
		return d, t.noteSuccess(ctx, c, &d, failure.At().Add(strangersLate))
	}
	return d, nil
}

// noteEnabled says when the user was enabled again.
func (t *Troubleshooter) noteEnabled(ctx context.Context, c *complaint, d *Diagnosis) error {
	d.Action = NoAction
	if c.user == nil {
		return nil
	}
	page, err := t.read.ListAudit(ctx, db.AuditListing{UserID: c.user.ID, Action: app.ActionEnable, From: d.Since, Limit: 1})
	for _, row := range page.Rows {
		d.Healed = row.At
	}
	return err
}

// hitsEverybody says whether a failed login says something of us or of WeChat, not of a user.
func hitsEverybody(reason app.Reason) bool {
	return slices.ContainsFunc(troubles, func(one trouble) bool { return slices.Contains(one.reasons, reason) })
}

// onceHealed is what is left to do about something that has worked since: nothing but telling the developers.
func (a Action) onceHealed() Action {
	if a == CopyForDevelopers {
		return a
	}
	return NoAction
}

// likelyFailure looks at failed logins of nobody known: whose code WeChat refuses stays unknown. One that came from the user's
// address and phone, after all that worked, is likely the user's.
func (t *Troubleshooter) likelyFailure(ctx context.Context, c *complaint) (Diagnosis, error) {
	if c.user == nil {
		return Diagnosis{}, nil
	}
	places := placesOf(c.own)
	if len(places) == 0 {
		return Diagnosis{}, nil
	}
	window := c.window
	if event, ok := c.worked(nil); ok && event.At().After(window.From) {
		window.From = event.At().Add(strangersLate)
	}
	events, err := t.read.StrangerEventsFrom(ctx, t.App.ID, addressesOf(places), window.From, window.To, strangersRead)
	if err != nil {
		return Diagnosis{}, err
	}
	likely := slices.DeleteFunc(events, func(e app.Event) bool {
		return e.Reason.Outcome() != app.LoginFailed || !slices.Contains(places, placeOf(e))
	})
	if len(likely) == 0 {
		return Diagnosis{}, nil
	}
	d, err := t.ruleOn(ctx, c, likely[0], likely)
	d.Match = MatchedByDevice
	return d, err
}

const (
	placesTried   = 5   // of a user
	strangersRead = 100 // events of strangers from those

	// strangersLate is how much later events of strangers may be dated than they happened: they are written in batches.
	strangersLate = 2 * time.Second
)

// place is where a request came from.
type place struct {
	address  string
	platform app.Platform
	model    string
}

func placeOf(event app.Event) place {
	return place{event.Client.Address, event.Client.Platform, event.Client.Model}
}

// placesOf are those of the newest events.
func placesOf(events []app.Event) []place {
	var places []place
	for _, event := range events {
		at := placeOf(event)
		if at.address == "" || at.platform == "" || slices.Contains(places, at) {
			continue
		}
		if places = append(places, at); len(places) == placesTried {
			break
		}
	}
	return places
}

func addressesOf(places []place) []string {
	var addresses []string
	for _, at := range places {
		addresses = append(addresses, at.address)
	}
	return addresses
}

// keyIsDead says so of a user who has not failed yet.
func (t *Troubleshooter) keyIsDead(_ context.Context, c *complaint) (Diagnosis, error) {
	key, held := c.currentKey()
	if !held || key.DeadAt.IsZero() || c.timeIsSaid() && !c.window.Contains(c.now) {
		return Diagnosis{}, nil
	}
	d := c.finding(KeyDead)
	c.ruleKeyDead(&d, key)
	for _, event := range c.own {
		if event.Fingerprint == key.Fingerprint && event.Errcode != 0 {
			d.Reason, d.Rid = event.Reason, event.Rid
			d.show(event)
			break
		}
	}
	return d, nil
}

// signedOut says by what the user's last login ended.
func (t *Troubleshooter) signedOut(ctx context.Context, c *complaint) (Diagnosis, error) {
	if c.user == nil || slices.ContainsFunc(c.sessions, func(s app.Session) bool { return s.Generation == c.user.Generation }) {
		return Diagnosis{}, nil
	}
	ended := slices.IndexFunc(c.own, endedLogin)
	if ended < 0 || !c.window.Contains(c.own[ended].At()) {
		return Diagnosis{}, nil
	}
	return t.ruleOn(ctx, c, c.own[ended], c.own[ended:ended+1])
}

// fineNow says when it worked last, and what had failed before.
func (t *Troubleshooter) fineNow(_ context.Context, c *complaint) (Diagnosis, error) {
	success, found := c.worked(nil)
	if !found {
		return Diagnosis{}, nil
	}
	failure, hasFailed := c.newestFailure()
	if healing, healed := c.worked(&failure); hasFailed && healed && healing.ID > success.ID {
		success = healing // a phone number that came: neither a login nor an opening
	}
	switch {
	case hasFailed, len(c.named) > 0:
	case c.timeIsSaid() && !slices.ContainsFunc(c.own, func(e app.Event) bool { return worked(e) && c.window.Contains(e.At()) }):
		return Diagnosis{}, nil
	case !c.timeIsSaid() && c.now.Sub(success.At()) > tracesBack:
		return Diagnosis{}, nil
	}
	d := c.finding(FineNow)
	d.Action, d.Since = CheckNow, success.At()
	d.show(success)
	if hasFailed {
		d.rest(failure)
		d.Since, d.Healed = success.At(), success.At()
		d.show(failure)
	}
	return d, nil
}

// nameOperator says who did what the finding is about, if the log tells of any of these actions on the user at that time.
func (t *Troubleshooter) nameOperator(ctx context.Context, d *Diagnosis, actions ...app.Action) error {
	if d.User == nil {
		return nil
	}
	for _, action := range actions {
		page, err := t.read.ListAudit(ctx, db.AuditListing{
			UserID: d.User.ID, Action: action, From: d.Since.Add(-time.Second), To: d.Since.Add(time.Second), Limit: 1,
		})
		if err != nil {
			return err
		}
		for _, row := range page.Rows {
			d.Operator, d.OperatorReason = row.Operator, row.Reason
		}
	}
	return nil
}
