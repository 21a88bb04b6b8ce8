package db

import (
	"context"

	"wxkeeper/app"
)

// WebhookPlace is where a webhook's address and signing secrets stand.
func WebhookPlace(id app.WebhookID) Place { return Place{Table: "webhooks", Row: app.ID(id)} }

const webhookColumns = `id, name, host, fingerprint, sealed, disabled_at, waiting, dropped, ` + reportColumns

// Webhooks lists all webhooks, the oldest first.
func (q *Queries) Webhooks(ctx context.Context) ([]app.Webhook, error) {
	return q.webhooks(ctx, "ORDER BY id LIMIT 100")
}

// Webhook finds a webhook.
func (q *Queries) Webhook(ctx context.Context, id app.WebhookID) (app.Webhook, error) {
	hooks, err := q.webhooks(ctx, "WHERE id = ?", id)
	if err != nil || len(hooks) == 0 {
		return app.Webhook{}, orNotFound(err)
	}
	return hooks[0], nil
}

func (q *Queries) webhooks(ctx context.Context, which string, arguments ...any) ([]app.Webhook, error) {
	var hooks []app.Webhook
	err := q.each(ctx, "SELECT "+webhookColumns+" FROM webhooks "+which, arguments, func(scan func(...any) error) error {
		var w app.Webhook
		fields := []any{&w.ID, &w.Name, &w.Host, &w.Fingerprint, &w.Sealed, moment{&w.DisabledAt}, &w.Waiting, &w.Dropped}
		err := scan(append(fields, reportFields(&w.Report)...)...)
		hooks = append(hooks, w)
		return err
	})
	return hooks, err
}

// InsertWebhook stores a new webhook.
func (t *Tx) InsertWebhook(w app.Webhook) error {
	t.unheard = false
	values := []any{w.ID, w.Name, w.Host, w.Fingerprint, w.Sealed, milliseconds(w.DisabledAt), w.Waiting, w.Dropped}
	values = append(values, reportValues(w.Report)...)
	_, err := t.change("INSERT INTO webhooks ("+webhookColumns+") VALUES "+rowsOf(len(values), 1), values...)
	return err
}

// UpdateWebhook stores whether a webhook is in use, its secrets and how it fares; what waits is counted elsewhere. NotFound: it was
// removed.
func (t *Tx) UpdateWebhook(w app.Webhook) error {
	t.unheard = false
	values := append([]any{milliseconds(w.DisabledAt), w.Sealed}, reportValues(w.Report)...)
	return t.changeOne(`UPDATE webhooks SET disabled_at = ?, sealed = ?, sent_at = ?, failures = ?, failed_at = ?, next_try_at = ?,
		problem = ?, status = ?, errcode = ? WHERE id = ?`, append(values, w.ID)...)
}

// DeleteWebhook deletes a webhook and its deliveries, overwriting its address in the file. NotFound: there is none.
func (t *Tx) DeleteWebhook(id app.WebhookID) error {
	if err := t.overwriteDeleted(); err != nil {
		return err
	}
	if _, err := t.change(`DELETE FROM deliveries WHERE webhook_id = ?`, id); err != nil {
		return err
	}
	return t.changeOne(`DELETE FROM webhooks WHERE id = ?`, id)
}
