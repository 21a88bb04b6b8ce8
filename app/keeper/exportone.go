package keeper

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"wxkeeper/app"
	"wxkeeper/db"
)

// exportedKey tells about a session key without showing it.
type exportedKey struct {
	Fingerprint  string           `json:"fingerprint"`
	ObtainedAt   time.Time        `json:"obtainedAt"`
	SupersededAt time.Time        `json:"supersededAt,omitzero"`
	ConfirmedAt  time.Time        `json:"confirmedAt,omitzero"`
	ConfirmedBy  app.Confirmation `json:"confirmedBy,omitempty"`
	FailedAt     time.Time        `json:"failedAt,omitzero"`
	DeadAt       time.Time        `json:"deadAt,omitzero"`
	ResetAt      time.Time        `json:"resetAt,omitzero"`
}

type exportedSession struct {
	CreatedAt     time.Time    `json:"createdAt"`
	SeenAt        time.Time    `json:"seenAt"`
	ClientVersion string       `json:"clientVersion,omitempty"`
	Platform      app.Platform `json:"platform,omitempty"`
	Model         string       `json:"model,omitempty"`
	WeChatVersion string       `json:"wechatVersion,omitempty"`
}

type exportedEvent struct {
	At        time.Time     `json:"at"`
	Reason    app.Reason    `json:"reason"`
	RequestID app.RequestID `json:"requestId,omitempty"`
	Errcode   int           `json:"errcode,omitempty"`
	Detail    app.Detail    `json:"detail,omitzero"`
	Address   string        `json:"address,omitempty"`
	Model     string        `json:"model,omitempty"`
}

type exportedChange struct {
	At      time.Time    `json:"at"`
	What    app.UserFact `json:"what"`
	Value   string       `json:"value,omitempty"` // of a phone number its last four digits
	Removed bool         `json:"removed,omitempty"`
	Reason  app.Reason   `json:"reason"`
}

type exportedPerson struct {
	exportedUser
	Avatar   []byte            `json:"avatar,omitempty"` // the picture they uploaded, a JPEG
	Changes  []exportedChange  `json:"changes"`          // of phone number, nickname and avatar
	Keys     []exportedKey     `json:"keys"`
	Sessions []exportedSession `json:"sessions"`
	Events   []exportedEvent   `json:"events"`
}

// eventsExported bounds one person's events; a user who makes more in the time that events are kept is no person.
const eventsExported = 100_000

// ExportUser writes all that is stored about one user, for that person to have (PIPL, article 45): profile, phone number, when
// session keys came and went, devices and events. It is masked for a role, and audited.
func (k *Keeper) ExportUser(ctx context.Context, order Order, role app.Role, number app.UserNumber, to io.Writer) error {
	if err := order.check(); err != nil {
		return err
	}
	read := k.store.Read()
	user, err := read.UserByNumber(ctx, k.app.ID, number)
	if err != nil {
		return err
	}
	person := exportedPerson{}
	external, err := read.ExternalIDs(ctx, []app.UserID{user.ID})
	if err != nil {
		return err
	}
	if person.exportedUser, err = exportUser(k.ring, k.app.Appid, user, external[user.ID]); err != nil {
		return err
	}
	person.exportedUser = person.masked(MaskingFor(role), user.Phone.Tail)
	if err := person.read(ctx, read, user); err != nil {
		return err
	}
	err = k.store.Write(ctx, func(tx *db.Tx) error { return k.audit(tx, order, app.ActionExport, user.ID, "") })
	if err != nil {
		return err
	}
	lines := json.NewEncoder(to)
	lines.SetEscapeHTML(false)
	lines.SetIndent("", "  ")
	return lines.Encode(person)
}

func (p *exportedPerson) read(ctx context.Context, read *db.Queries, user app.User) error {
	keys, err := read.KeysOfUser(ctx, user.ID)
	if err != nil {
		return err
	}
	sessions, err := read.SessionsOfUser(ctx, user.ID)
	if err != nil {
		return err
	}
	events, err := read.EventsOf(ctx, user.LastEvent, eventsExported)
	if err != nil {
		return err
	}
	avatar, err := read.AvatarOfUser(ctx, user.ID)
	if err != nil && app.KindOf(err) != app.NotFound {
		return err
	}
	p.Avatar = avatar.Picture
	changes, err := read.ChangesOfUser(ctx, user.ID)
	if err != nil {
		return err
	}
	for _, one := range changes {
		p.Changes = append(p.Changes, exportedChange{
			At: one.At(), What: one.What, Value: one.Value, Removed: one.Removed, Reason: one.Reason,
		})
	}
	for _, key := range keys {
		p.Keys = append(p.Keys, exportedKey{
			Fingerprint: key.Fingerprint.String(), ObtainedAt: key.ObtainedAt(), SupersededAt: key.SupersededAt,
			ConfirmedAt: key.ConfirmedAt, ConfirmedBy: key.ConfirmedBy, FailedAt: key.FailedAt, DeadAt: key.DeadAt,
			ResetAt: key.ResetAt,
		})
	}
	for _, session := range sessions {
		client := session.Client
		p.Sessions = append(p.Sessions, exportedSession{
			CreatedAt: session.CreatedAt(), SeenAt: session.SeenAt, ClientVersion: client.Version, Platform: client.Platform,
			Model: client.Model, WeChatVersion: client.WeChatVersion,
		})
	}
	for _, event := range events {
		p.Events = append(p.Events, exportedEvent{
			At: event.At(), Reason: event.Reason, RequestID: event.RequestID, Errcode: event.Errcode, Detail: event.Detail,
			Address: event.Client.Address, Model: event.Client.Model,
		})
	}
	return nil
}
