package web

import (
	"context"
	"net/http"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
	"wxkeeper/views"
)

const (
	keysPath    = "/admin/keys"
	oldestShown = 10
)

func (d *Dashboard) keysPage(v *visit) error {
	page, err := d.keys(v)
	if err != nil {
		return err
	}
	return v.page(views.Keys(page))
}

func (d *Dashboard) keys(v *visit) (views.KeysPage, error) {
	ctx, read, settings := v.context(), d.Store.Read(), d.Keeper.Settings()
	counts, err := read.KeyCounts(ctx, d.Keeper.AppID(), v.now(), settings.KeyAging)
	if err != nil {
		return views.KeysPage{}, err
	}
	listing := d.Keeper.UserListing(app.UserFilter{KeyState: app.KeyAging}, v.operator.Role)
	listing.Limit = oldestShown
	oldest, err := read.ListUsers(ctx, listing)
	if err != nil {
		return views.KeysPage{}, err
	}
	probing, err := d.Keeper.Probing(ctx)
	return views.KeysPage{
		Frame: v.frame(v.text.T("nav.keys"), views.SectionKeys), Keys: counts, Aging: settings.KeyAging,
		Oldest: d.foundUsers(v.now(), oldest.Users),
		Background: views.BackgroundCheck{
			Checked: probing.Checked, Dead: probing.Dead, Failed: probing.Failed, PerMinute: probing.PerMinute, Left: probing.Left,
			PausedUntil: probing.PausedUntil, Problem: probing.Pause, PausedBy: probing.Stopped.Operator, PausedAt: probing.Stopped.Since,
		},
	}, err
}

func (d *Dashboard) pauseChecks(v *visit) error {
	return d.onChecks(v, d.Keeper.PauseChecks, app.AlreadyExists, "keys.paused")
}

func (d *Dashboard) resumeChecks(v *visit) error {
	return d.onChecks(v, d.Keeper.ResumeChecks, app.NotFound, "keys.resumed")
}

// onChecks pauses the background check or lets it go on. Done already is the failure that means that somebody else has been faster.
func (d *Dashboard) onChecks(
	v *visit, act func(context.Context, keeper.Order) error, doneAlready app.Kind, message string,
) error {
	form, err := v.form("reason", "reason_text")
	if err != nil {
		return err
	}
	err = act(v.context(), v.order(form))
	switch app.KindOf(err) {
	case app.MissingParameter, app.Malformed:
		page, err := d.keys(v)
		if err != nil {
			return err
		}
		page.Wrong, page.Chosen, page.Words = true, form["reason"], form["reason_text"]
		return v.pageWith(http.StatusUnprocessableEntity, views.Keys(page))
	case doneAlready:
		return v.refuse(message+"Before", keysPath)
	}
	if err != nil {
		return err
	}
	return v.done(v.text.T(message), keysPath)
}
