// Package webhook tells business back ends what happens to users. What is to be told is written in the transaction of what happened
// (db.Tx.Announce), so that nothing is lost; here it is delivered, at least once, with tries over three days. Messages are signed as
// Standard Webhooks says. They name a user by openid, user number and unionid, and hold nothing else of them.
package webhook

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/outgoing"
	"wxkeeper/db"
)

const (
	hooksMost   = 10
	longestName = 64             // characters
	secretBytes = 32             // of a signing secret
	secretOld   = 24 * time.Hour // how long messages are signed with the secret before, too
)

// Options are what Webhooks are made of.
type Options struct {
	AppID    app.AppID // whose tests are
	Store    *db.DB
	Ring     *db.KeyRing
	Outgoing *outgoing.Client
	Clock    func() time.Time
	Log      *slog.Logger
}

// Webhooks are the addresses that hear what happens. They are safe for concurrent use.
type Webhooks struct{ Options }

// New makes Webhooks. It starts nothing: call Deliver each minute, and when Wake says so.
func New(options Options) *Webhooks { return &Webhooks{options} }

// Wake says that there is something to deliver.
func (w *Webhooks) Wake() <-chan struct{} { return w.Store.Announced() }

// credentials are what of a webhook is sealed.
type credentials struct {
	URL    string
	Secret []byte
	Old    []byte    // the secret before
	OldTo  time.Time // until when it signs too
}

// written is a signing secret as people copy it.
func written(secret []byte) app.Secret {
	return app.Secret("whsec_" + base64.StdEncoding.EncodeToString(secret))
}

func newSecret() []byte {
	secret := make([]byte, secretBytes)
	rand.Read(secret) // never fails since Go 1.24: it ends the program instead
	return secret
}

// List lists the webhooks, the oldest first, without what is sealed.
func (w *Webhooks) List(ctx context.Context) ([]app.Webhook, error) {
	hooks, err := w.Store.Read().Webhooks(ctx)
	for i := range hooks {
		hooks[i].Sealed = nil
	}
	return hooks, err
}

// Add adds a webhook and gives its signing secret, which cannot be had again. Malformed, with the field: name or url is none that can
// be used. TooManyRequests: there are 10 already.
func (w *Webhooks) Add(ctx context.Context, by, name string, address app.Secret) (app.Secret, error) {
	name = strings.TrimSpace(name)
	if name == "" || !app.Printable(name, longestName) {
		return "", app.FailField(app.Malformed, "", "name")
	}
	parsed, err := w.Outgoing.ParseURL(address)
	if err != nil {
		return "", err
	}
	secret := newSecret()
	hook := app.Webhook{
		ID: app.WebhookID(app.NewID(w.Clock())), Name: name, Host: parsed.Host, Fingerprint: w.Ring.AddressFingerprint(address),
	}
	if hook.Sealed, err = w.Ring.SealValue(db.WebhookPlace(hook.ID), credentials{URL: address.Reveal(), Secret: secret}); err != nil {
		return "", err
	}
	err = w.Store.Write(ctx, func(tx *db.Tx) error {
		others, err := tx.Webhooks(ctx)
		if err != nil {
			return err
		}
		if len(others) >= hooksMost {
			return app.Fail(app.TooManyRequests, "")
		}
		if err := tx.InsertWebhook(hook); err != nil {
			return err
		}
		return w.audit(tx, by, app.ActionAddWebhook, hook)
	})
	if err != nil {
		return "", err
	}
	return written(secret), nil
}

// NewSecret gives a webhook another signing secret, which cannot be had again. For a day messages carry a signature by the one before
// too. NotFound: it was removed.
func (w *Webhooks) NewSecret(ctx context.Context, by string, id app.WebhookID) (app.Secret, error) {
	hook, err := w.Store.Read().Webhook(ctx, id)
	if err != nil {
		return "", err
	}
	opened, err := w.open(hook)
	if err != nil {
		return "", err
	}
	opened.Old, opened.OldTo, opened.Secret = opened.Secret, w.Clock().Add(secretOld), newSecret()
	sealed, err := w.Ring.SealValue(db.WebhookPlace(id), opened)
	if err != nil {
		return "", err
	}
	err = w.change(ctx, by, id, app.ActionRotateWebhook, func(tx *db.Tx, hook app.Webhook) error {
		hook.Sealed = sealed
		return tx.UpdateWebhook(hook)
	})
	if err != nil {
		return "", err
	}
	return written(opened.Secret), nil
}

// Disable stops a webhook: what happens from now on is not kept for it, and what waits goes on waiting. NotFound: it was removed.
func (w *Webhooks) Disable(ctx context.Context, by string, id app.WebhookID) error {
	return w.change(ctx, by, id, app.ActionDisableWebhook, func(tx *db.Tx, hook app.Webhook) error {
		hook.DisabledAt = w.Clock()
		return tx.UpdateWebhook(hook)
	})
}

// Enable lets a webhook hear again, what waits within a minute.
func (w *Webhooks) Enable(ctx context.Context, by string, id app.WebhookID) error {
	return w.change(ctx, by, id, app.ActionEnableWebhook, func(tx *db.Tx, hook app.Webhook) error {
		hook.DisabledAt, hook.Report = time.Time{}, app.Report{SentAt: hook.SentAt}
		return tx.UpdateWebhook(hook)
	})
}

// Remove removes a webhook, its address and its deliveries. NotFound: somebody else has.
func (w *Webhooks) Remove(ctx context.Context, by string, id app.WebhookID) error {
	return w.change(ctx, by, id, app.ActionRemoveWebhook, func(tx *db.Tx, hook app.Webhook) error { return tx.DeleteWebhook(hook.ID) })
}

// Test has a message delivered that says so, like any other. NotFound: it was removed.
func (w *Webhooks) Test(ctx context.Context, by string, id app.WebhookID) error {
	return w.change(ctx, by, id, app.ActionTestWebhook, func(tx *db.Tx, hook app.Webhook) error {
		return tx.AnnounceTo(w.Clock(), hook, app.Delivery{AppID: w.AppID, What: app.WebhookTest})
	})
}

// Replay has a delivery made once more, under its old id. NotFound: it is forgotten.
func (w *Webhooks) Replay(ctx context.Context, by string, id app.DeliveryID) error {
	delivery, err := w.Store.Read().Delivery(ctx, id)
	if err != nil {
		return err
	}
	return w.change(ctx, by, delivery.Webhook, app.ActionReplayDelivery, func(tx *db.Tx, _ app.Webhook) error {
		before, err := tx.Delivery(context.WithoutCancel(ctx), id)
		if err != nil {
			return err
		}
		return tx.UpdateDelivery(before, again(before, w.Clock()))
	})
}

// again is a delivery that is to be made once more.
func again(d app.Delivery, now time.Time) app.Delivery {
	d.State, d.Tries, d.NextTryAt = app.DeliveryWaiting, 0, now
	return d
}

func (w *Webhooks) change(
	ctx context.Context, by string, id app.WebhookID, action app.Action, work func(*db.Tx, app.Webhook) error,
) error {
	return w.Store.Write(ctx, func(tx *db.Tx) error {
		hook, err := tx.Webhook(context.WithoutCancel(ctx), id)
		if err != nil {
			return err
		}
		if err := work(tx, hook); err != nil {
			return err
		}
		return w.audit(tx, by, action, hook)
	})
}

func (w *Webhooks) audit(tx *db.Tx, by string, action app.Action, hook app.Webhook) error {
	return tx.Audit(w.Ring, app.AuditRow{
		At: w.Clock(), Operator: by, Action: action, Detail: fmt.Sprintf("%s (%s, %s)", hook.Name, hook.Host, hook.Fingerprint),
	})
}

func (w *Webhooks) open(hook app.Webhook) (credentials, error) {
	var opened credentials
	err := w.Ring.OpenValue(db.WebhookPlace(hook.ID), hook.Sealed, &opened)
	return opened, err
}
