package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"wxkeeper/app"
	"wxkeeper/db"
	"wxkeeper/views"
)

const (
	integrationsPath = "/admin/integrations"
	deliveriesShown  = 50 // on one page
)

func (d *Dashboard) integrationsPage(v *visit) error {
	return d.showIntegrations(v, http.StatusOK, views.NewWebhook{}, views.NewBackEnd{})
}

func (d *Dashboard) showIntegrations(v *visit, status int, form views.NewWebhook, newBackEnd views.NewBackEnd) error {
	hooks, err := d.Webhooks.List(v.context())
	if err != nil {
		return err
	}
	page := views.IntegrationsPage{
		Webhooks: hooks, Most: db.DeliveriesWaiting, New: form, State: v.QueryParam("state"), Unproven: !d.Accounts.Proven(v.session.present),
		Frame: v.frame(v.text.T("nav.integrations"), views.SectionIntegrations),
	}
	if page.BackEnds, err = d.backEndRows(v); err != nil {
		return err
	}
	page.NewBackEnd = newBackEnd
	state := max(0, slices.Index(views.DeliveryStates, page.State))
	page.State = views.DeliveryStates[state]
	before, _ := strconv.ParseInt(v.QueryParam(views.CursorParameter), 10, 64) // none: the first page
	page.Later = before != 0
	page.Deliveries, err = d.Store.Read().Deliveries(
		v.context(), app.DeliveryState(state-1), state == 0, app.DeliveryID(before), deliveriesShown+1)
	if err != nil {
		return err
	}
	if len(page.Deliveries) > deliveriesShown {
		page.Deliveries = page.Deliveries[:deliveriesShown]
		page.Next = page.Deliveries[deliveriesShown-1].ID
	}
	if status != http.StatusOK {
		page.Address = integrationsPath
	}
	return v.pageWith(status, views.Integrations(page))
}

// addWebhook adds a webhook and shows its signing secret, this once.
func (d *Dashboard) addWebhook(v *visit) error {
	form, err := v.form("name", "secret_url")
	if err != nil {
		return err
	}
	secret, err := d.Webhooks.Add(v.context(), v.operator.Name, form["name"], app.Secret(strings.TrimSpace(form["secret_url"])))
	failure := failureOf(err)
	switch {
	case err == nil:
		return d.showWebhookSecret(v, secret)
	case failure.Kind == app.TooManyRequests:
		return v.refuse("webhook.full", integrationsPath)
	case failure.Kind == app.Malformed:
		wrong := views.Wrong{failure.Field: "webhook." + failure.Field + ".wrong"}
		return d.showIntegrations(v, http.StatusUnprocessableEntity, views.NewWebhook{Name: form["name"], Wrong: wrong}, views.NewBackEnd{})
	}
	return err
}

func (d *Dashboard) showWebhookSecret(v *visit, secret app.Secret) error {
	page := views.WebhookSecretPage{Frame: v.frame(v.text.T("webhook.secret.title"), ""), Secret: secret}
	page.Address = ""
	return v.page(views.WebhookSecret(page))
}

// renewWebhookSecret gives a webhook another signing secret and shows it, this once.
func (d *Dashboard) renewWebhookSecret(v *visit) error {
	id, err := numberIn(v, "webhook")
	if err != nil {
		return err
	}
	secret, err := d.Webhooks.NewSecret(v.context(), v.operator.Name, app.WebhookID(id))
	if err != nil {
		return err
	}
	return d.showWebhookSecret(v, secret)
}

func (d *Dashboard) testWebhook(v *visit) error {
	return d.onWebhook(v, "webhook.tested", func(id app.WebhookID) error { return d.Webhooks.Test(v.context(), v.operator.Name, id) })
}

func (d *Dashboard) disableWebhook(v *visit) error {
	return d.onWebhook(v, "webhook.disabled", func(id app.WebhookID) error { return d.Webhooks.Disable(v.context(), v.operator.Name, id) })
}

func (d *Dashboard) enableWebhook(v *visit) error {
	return d.onWebhook(v, "webhook.enabled", func(id app.WebhookID) error { return d.Webhooks.Enable(v.context(), v.operator.Name, id) })
}

func (d *Dashboard) removeWebhook(v *visit) error {
	return d.onWebhook(v, "webhook.removed", func(id app.WebhookID) error { return d.Webhooks.Remove(v.context(), v.operator.Name, id) })
}

// onWebhook does something to the webhook in the path, says so, and leads back.
func (d *Dashboard) onWebhook(v *visit, said string, work func(app.WebhookID) error) error {
	id, err := numberIn(v, "webhook")
	if err != nil {
		return err
	}
	if err := work(app.WebhookID(id)); err != nil {
		return err
	}
	return v.done(v.text.T(said), integrationsPath)
}

func (d *Dashboard) replayDelivery(v *visit) error {
	id, err := numberIn(v, "delivery")
	if err != nil {
		return err
	}
	if err := d.Webhooks.Replay(v.context(), v.operator.Name, app.DeliveryID(id)); err != nil {
		return err
	}
	return v.done(v.text.T("delivery.replayed"), integrationsPath)
}

// numberIn is a number in the path.
func numberIn(v *visit, name string) (int64, error) {
	number, err := strconv.ParseInt(v.Param(name), 10, 64)
	if err != nil {
		return 0, app.Fail(app.NotFound, "")
	}
	return number, nil
}
