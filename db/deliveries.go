package db

import (
	"context"
	"time"

	"wxkeeper/app"
)

// DeliveriesWaiting is how many deliveries may wait for one webhook. What happens beyond that is counted, and not delivered, unless it
// must be heard.
const DeliveriesWaiting = 100_000

const deliveryColumns = `id, webhook_id, app_id, what, user_id, user_number, openid, unionid, kind, state, tries, next_try_at, tried_at,
	problem, status`

func deliveryFields(d *app.Delivery) []any {
	return []any{
		&d.ID, &d.Webhook, &d.AppID, &d.What, &d.UserID, &d.User, &d.OpenID, &d.UnionID, &d.Kind, &d.State, &d.Tries, moment{&d.NextTryAt},
		moment{&d.TriedAt}, &d.Problem, &d.Status,
	}
}

// Announce writes down, for each webhook in use, that it is to hear what has just happened. Where none is, that is one read of an empty
// table a transaction.
func (t *Tx) Announce(at time.Time, what app.Happening, user app.User, kind string) error {
	if t.unheard {
		return nil
	}
	hooks, err := t.webhooks(context.Background(), "WHERE disabled_at = 0 ORDER BY id LIMIT 100")
	if err != nil {
		return err
	}
	t.unheard = len(hooks) == 0
	for _, hook := range hooks {
		delivery := app.Delivery{
			AppID: user.AppID, What: what, UserID: user.ID, User: user.Number, OpenID: user.OpenID, UnionID: user.UnionID,
			Kind: kind,
		}
		if err := t.AnnounceTo(at, hook, delivery); err != nil {
			return err
		}
	}
	return nil
}

// AnnounceTo writes down that one webhook is to hear something, unless too much waits for it already that could be done without.
func (t *Tx) AnnounceTo(at time.Time, hook app.Webhook, delivery app.Delivery) error {
	if hook.Waiting >= DeliveriesWaiting && !delivery.What.MustBeHeard() {
		t.Count(delivery.AppID, CountDeliveryDropped, at, 1)
		return t.changeOne(`UPDATE webhooks SET dropped = dropped + 1 WHERE id = ?`, hook.ID)
	}
	delivery.ID, delivery.Webhook, delivery.NextTryAt = app.DeliveryID(t.NewID(at)), hook.ID, at
	t.announced = true
	if err := t.InsertDelivery(delivery); err != nil {
		return err
	}
	return t.CountWaiting(hook.ID, 1)
}

// CountWaiting counts deliveries that wait for a webhook from now on, or no more.
func (t *Tx) CountWaiting(hook app.WebhookID, n int) error {
	_, err := t.change(`UPDATE webhooks SET waiting = waiting + ? WHERE id = ?`, n, hook)
	return err
}

// The counters of deliveries: what arrived, the tries that failed, what was given up, and what was not kept since too much waited.
const (
	CountDelivered       = "webhook.delivered"
	CountDeliveryFailed  = "webhook.failed"
	CountDeliveryGivenUp = "webhook.given_up"
	CountDeliveryDropped = "webhook.dropped"
)

// CountDelivery counts what became of a try. A try that failed is one also where it was the last.
func (t *Tx) CountDelivery(after app.Delivery, at time.Time) {
	if after.State == app.DeliveryDone {
		t.Count(after.AppID, CountDelivered, at, 1)
		return
	}
	t.Count(after.AppID, CountDeliveryFailed, at, 1)
	if after.State == app.DeliveryGivenUp {
		t.Count(after.AppID, CountDeliveryGivenUp, at, 1)
	}
}

// InsertDelivery stores a delivery.
func (t *Tx) InsertDelivery(d app.Delivery) error {
	_, err := t.change("INSERT INTO deliveries ("+deliveryColumns+") VALUES "+rowsOf(15, 1),
		d.ID, d.Webhook, d.AppID, string(d.What), d.UserID, d.User, string(d.OpenID), string(d.UnionID), d.Kind, int(d.State), d.Tries,
		milliseconds(d.NextTryAt), milliseconds(d.TriedAt), d.Problem, d.Status)
	return err
}

// UpdateDelivery stores what became of a try, or that a delivery is to be made once more. It does nothing where the delivery has been
// deleted meanwhile.
func (t *Tx) UpdateDelivery(before, after app.Delivery) error {
	changed, err := t.change(`UPDATE deliveries SET state = ?, tries = ?, next_try_at = ?, tried_at = ?, problem = ?, status = ?
		WHERE id = ? AND state = ?`, int(after.State), after.Tries, milliseconds(after.NextTryAt), milliseconds(after.TriedAt), after.Problem,
		after.Status, after.ID, int(before.State))
	if err != nil || changed == 0 || before.State == after.State {
		return err
	}
	if after.State == app.DeliveryWaiting {
		t.announced = true
		return t.CountWaiting(after.Webhook, 1)
	}
	if before.State == app.DeliveryWaiting {
		return t.CountWaiting(after.Webhook, -1)
	}
	return nil
}

// DeleteDelivery deletes a delivery, overwriting it in the file.
func (t *Tx) DeleteDelivery(d app.Delivery) error {
	if err := t.overwriteDeleted(); err != nil {
		return err
	}
	changed, err := t.change(`DELETE FROM deliveries WHERE id = ?`, d.ID)
	if err != nil || changed == 0 || d.State != app.DeliveryWaiting {
		return err
	}
	return t.CountWaiting(d.Webhook, -1)
}

// eraseDeliveries deletes what back ends were or are to be told about a user.
func (t *Tx) eraseDeliveries(user app.User) error {
	_, err := t.change(`UPDATE webhooks SET waiting = waiting -
		(SELECT COUNT(*) FROM deliveries d WHERE d.user_id = ? AND d.webhook_id = webhooks.id AND d.state = 0)`, user.ID)
	if err != nil {
		return err
	}
	_, err = t.change(`DELETE FROM deliveries WHERE user_id = ?`, user.ID)
	return err
}

// ForgetDeliveriesBefore deletes at most limit deliveries of before a time, overwriting them in the file, and tells how many. Those that
// still wait, for a webhook that is disabled or has not answered for so long, count as given up now.
func (t *Tx) ForgetDeliveriesBefore(at, now time.Time, limit int) (int, error) {
	old, err := t.deliveries(context.Background(), "WHERE id < ? ORDER BY id LIMIT ?", app.FirstID(at), limit)
	if err != nil {
		return 0, err
	}
	for _, one := range old {
		if err := t.DeleteDelivery(one); err != nil {
			return 0, err
		}
		if one.State == app.DeliveryWaiting {
			t.Count(one.AppID, CountDeliveryGivenUp, now, 1)
		}
	}
	return len(old), nil
}

// DueDeliveries lists the deliveries of a webhook that are to be tried by now, longest due first.
func (q *Queries) DueDeliveries(ctx context.Context, hook app.WebhookID, now time.Time, limit int) ([]app.Delivery, error) {
	return q.deliveries(ctx, "WHERE webhook_id = ? AND state = 0 AND next_try_at <= ? ORDER BY next_try_at LIMIT ?",
		hook, milliseconds(now), limit)
}

// Delivery finds a delivery.
func (q *Queries) Delivery(ctx context.Context, id app.DeliveryID) (app.Delivery, error) {
	found, err := q.deliveries(ctx, "WHERE id = ?", id)
	if err != nil || len(found) == 0 {
		return app.Delivery{}, orNotFound(err)
	}
	return found[0], nil
}

// Deliveries lists deliveries, the newest first: those in one state, or all, and those before one (0: from the newest on).
func (q *Queries) Deliveries(
	ctx context.Context, state app.DeliveryState, all bool, before app.DeliveryID, limit int,
) ([]app.Delivery, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	if all {
		return q.deliveries(ctx, "WHERE id < ? ORDER BY id DESC LIMIT ?", before, limit)
	}
	return q.deliveries(ctx, "WHERE state = ? AND id < ? ORDER BY id DESC LIMIT ?", int(state), before, limit)
}

func (q *Queries) deliveries(ctx context.Context, which string, arguments ...any) ([]app.Delivery, error) {
	var found []app.Delivery
	err := q.each(ctx, "SELECT "+deliveryColumns+" FROM deliveries "+which, arguments, func(scan func(...any) error) error {
		var one app.Delivery
		err := scan(deliveryFields(&one)...)
		found = append(found, one)
		return err
	})
	return found, err
}
