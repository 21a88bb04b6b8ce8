package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/outgoing"
	"wxkeeper/db"
)

const (
	turnTime = 40 * time.Second    // how long one turn works
	atOnce   = 4                   // messages to one webhook under way at the same time
	perBatch = 16                  // and in one transaction
	keptFor  = 30 * 24 * time.Hour // how long a delivery is kept after what it tells of
	swept    = 1000                // deliveries forgotten in one transaction: whoever else writes waits for no more
)

// waits are how long is waited after each failed try of a delivery. After the last it is given up: that is three days after it happened.
var waits = []time.Duration{
	time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour,
	20 * time.Hour,
}

// Deliver delivers what is due, to all webhooks at once: none waits for another. It works 40 seconds at most, and may be stopped at any
// time: what was not stored as delivered is delivered again.
func (w *Webhooks) Deliver(ctx context.Context) error {
	hooks, err := w.Store.Read().Webhooks(ctx)
	if err != nil || len(hooks) == 0 {
		return err
	}
	turn, cancel := context.WithTimeout(ctx, turnTime)
	defer cancel()
	failures := make([]error, len(hooks))
	var delivering sync.WaitGroup
	for i, hook := range hooks {
		if !hook.Disabled() {
			delivering.Go(func() { failures[i] = w.deliverTo(turn, hook) })
		}
	}
	delivering.Wait()
	return errors.Join(failures...)
}

// Sweep forgets deliveries of what happened more than 30 days ago, also those that still wait: they name users.
func (w *Webhooks) Sweep(ctx context.Context) error {
	for {
		now, forgotten := w.Clock(), 0
		err := w.Store.Write(ctx, func(tx *db.Tx) (err error) {
			forgotten, err = tx.ForgetDeliveriesBefore(now.Add(-keptFor), now, swept)
			return err
		})
		if err != nil || forgotten < swept {
			return err
		}
	}
}

// deliverTo makes the due deliveries of one webhook, until a whole batch of them has failed.
func (w *Webhooks) deliverTo(ctx context.Context, hook app.Webhook) error {
	opened, err := w.open(hook)
	if err != nil {
		return err
	}
	for {
		due, err := w.Store.Read().DueDeliveries(ctx, hook.ID, w.Clock(), perBatch)
		if ctx.Err() != nil || err == nil && len(due) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		tried := w.tryAll(ctx, opened, due)
		arrived, err := w.store(ctx, hook.ID, due, tried)
		if err != nil || !arrived {
			return err
		}
	}
}

// attempt is what became of one try; over says whether there was one at all.
type attempt struct {
	failure *outgoing.Error
	over    bool
}

func (w *Webhooks) tryAll(ctx context.Context, opened credentials, due []app.Delivery) []attempt {
	tried := make([]attempt, len(due))
	free := make(chan struct{}, atOnce)
	var trying sync.WaitGroup
	for i, one := range due {
		free <- struct{}{}
		trying.Go(func() {
			defer func() { <-free }()
			failure := w.try(ctx, opened, one)
			tried[i] = attempt{failure, ctx.Err() == nil || failure == nil}
		})
	}
	trying.Wait()
	return tried
}

// message is what a back end gets.
type message struct {
	Type      app.Happening `json:"type"`
	Timestamp string        `json:"timestamp"`
	Data      data          `json:"data"`
}

type data struct {
	AppID   app.Appid   `json:"appid"`
	User    string      `json:"user,omitempty"`
	OpenID  app.OpenID  `json:"openid,omitempty"`
	UnionID app.UnionID `json:"unionid,omitempty"`
	Kind    string      `json:"kind,omitempty"`
}

// try makes a delivery once.
func (w *Webhooks) try(ctx context.Context, opened credentials, one app.Delivery) *outgoing.Error {
	address, err := w.Outgoing.ParseURL(app.Secret(opened.URL))
	if err != nil {
		return &outgoing.Error{Problem: outgoing.ProblemForbidden}
	}
	appid, err := w.Store.Read().AppidOf(ctx, one.AppID)
	if err != nil {
		return &outgoing.Error{Problem: outgoing.ProblemCancelled}
	}
	told := message{one.What, one.At().UTC().Format(time.RFC3339Nano), data{
		AppID: appid, OpenID: one.OpenID, UnionID: one.UnionID, Kind: one.Kind,
	}}
	if one.User != 0 {
		told.Data.User = one.User.String()
	}
	body, err := json.Marshal(told)
	if err != nil {
		return &outgoing.Error{Problem: outgoing.ProblemNotJSON}
	}
	header := http.Header{"Content-Type": {"application/json"}}
	now, keys := w.Clock(), [][]byte{opened.Secret}
	if len(opened.Old) > 0 && now.Before(opened.OldTo) {
		keys = append(keys, opened.Old)
	}
	outgoing.Sign(header, app.ID(one.ID), now, body, keys...)
	answer, err := w.Outgoing.Post(ctx, address, header, body)
	if answer.Good() {
		return nil // whatever stands in it, and however much
	}
	if failure, failed := errors.AsType[*outgoing.Error](err); failed {
		return failure
	}
	return &outgoing.Error{Problem: outgoing.ProblemStatus, Status: answer.Status}
}

// store stores what became of a batch, and tells whether anything arrived.
func (w *Webhooks) store(ctx context.Context, id app.WebhookID, due []app.Delivery, tried []attempt) (arrived bool, err error) {
	now := w.Clock()
	var last *attempt
	for i := range tried {
		if tried[i].over {
			last = &tried[i]
			arrived = arrived || tried[i].failure == nil
		}
	}
	if last == nil {
		return false, nil
	}
	err = w.Store.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		for i, one := range due {
			if !tried[i].over {
				continue
			}
			if err := settle(tx, one, tried[i].failure, now); err != nil {
				return err
			}
		}
		hook, err := tx.Webhook(context.Background(), id)
		if app.KindOf(err) == app.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		hook.Report = report(hook.Report, last.failure, now)
		return tx.UpdateWebhook(hook)
	})
	return arrived, err
}

// settle stores and counts what became of one try. Of somebody who was erased, nothing stays once it was delivered.
func settle(tx *db.Tx, one app.Delivery, failure *outgoing.Error, now time.Time) error {
	result := after(one, failure, now)
	tx.CountDelivery(result, now)
	if failure == nil && one.What == app.UserErased {
		return tx.DeleteDelivery(one)
	}
	return tx.UpdateDelivery(one, result)
}

// after is a delivery after a try.
func after(one app.Delivery, failure *outgoing.Error, now time.Time) app.Delivery {
	one.TriedAt, one.Problem, one.Status = now, "", http.StatusOK
	one.Tries++
	if failure == nil {
		one.State = app.DeliveryDone
		return one
	}
	one.Problem, one.Status = string(failure.Problem), failure.Status
	if one.Tries > len(waits) {
		one.State = app.DeliveryGivenUp
		return one
	}
	one.NextTryAt = now.Add(waits[one.Tries-1])
	return one
}

func report(before app.Report, failure *outgoing.Error, now time.Time) app.Report {
	if failure == nil {
		return app.Report{SentAt: now}
	}
	return app.Report{
		SentAt: before.SentAt, Failures: before.Failures + 1, FailedAt: now, Problem: string(failure.Problem), Status: failure.Status,
	}
}
