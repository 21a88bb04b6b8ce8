// Package apps is about several mini programs in one server: which there are, their credentials, and that each is served by a
// Keeper of its own from the moment it is known, also where another process made it known.
//
// The default app is the one that the server's own settings name. Its secret stays there; all others are stored, sealed.
package apps

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// Register changes what is stored of apps. Every change writes its audit row. It is safe for concurrent use.
type Register struct {
	Store     *db.DB
	Ring      *db.KeyRing
	Clock     func() time.Time
	Default   app.Appid // whose credentials stand in the server's settings, "" where they are not known
	WeChatURL string
}

// What can be wrong with an order about an app. Each is the cause of an app.Error of kind Malformed.
var (
	ErrAppid   = errors.New("an AppID is wx and 16 hex digits, as mp.weixin.qq.com shows it, and no AppSecret")
	ErrSecret  = errors.New("an AppSecret is one line of 32 hex digits, without blanks")
	ErrPush    = errors.New("message push needs its Token, and an EncodingAESKey of 43 letters and digits")
	ErrPolicy  = errors.New("a token policy is fixed, follow-key, or empty for the server's own")
	ErrName    = fmt.Errorf("an app's name has at most %d printable characters", longestName)
	ErrDefault = errors.New("this is the mini program of the server's settings: change WXKEEPER_APPID and WXKEEPER_SECRET there")
)

// longestName is how many characters an app's name may have.
const longestName = 40

// All lists the apps, the default one among them.
func (r Register) All(ctx context.Context) ([]app.AppRecord, error) {
	return r.Store.Read().AppRecords(ctx)
}

// Add makes an app. AlreadyExists: there is one with this appid. Malformed: something of it cannot be used, as the cause says.
func (r Register) Add(ctx context.Context, by string, appid app.Appid, name string, policy app.TokenPolicy, secret app.Secret) error {
	if !appid.Usable() {
		return malformed("appid", ErrAppid)
	}
	if err := errors.Join(checkDetails(name, policy), checkSecret(secret)); err != nil {
		return err
	}
	return r.Store.Write(ctx, func(tx *db.Tx) error {
		made, err := tx.InsertApp(appid, r.Clock())
		if err != nil {
			return err
		}
		record := app.AppRecord{App: made, Name: name, Policy: policy}
		record.Sealed.Secret = r.Ring.Seal(db.AppSecretPlaces(made).Secret, []byte(secret.Reveal()))
		if err := tx.UpdateApp(record); err != nil {
			return err
		}
		return r.audit(tx, by, app.ActionAddApp, made, described(name, policy))
	})
}

// Change gives an app another name and token policy. NotFound: there is no such app. The default app's policy is the server's.
func (r Register) Change(ctx context.Context, by string, appid app.Appid, name string, policy app.TokenPolicy) error {
	if err := checkDetails(name, policy); err != nil {
		return err
	}
	if appid == r.Default && policy != app.PolicyServer {
		return malformed("policy", ErrDefault)
	}
	return r.change(ctx, by, appid, app.ActionChangeApp, func(record *app.AppRecord) string {
		record.Name, record.Policy = name, policy
		return described(name, policy)
	})
}

// SetSecret replaces an app's AppSecret. NotFound: there is no such app. Malformed: it cannot be one, or it stands in the settings (ErrDefault).
func (r Register) SetSecret(ctx context.Context, by string, appid app.Appid, secret app.Secret) error {
	if appid == r.Default {
		return malformed("secret", ErrDefault)
	}
	if err := checkSecret(secret); err != nil {
		return err
	}
	return r.change(ctx, by, appid, app.ActionSetAppSecret, func(record *app.AppRecord) string {
		record.Sealed.Secret = r.Ring.Seal(db.AppSecretPlaces(record.App).Secret, []byte(secret.Reveal()))
		return ""
	})
}

// SetPush sets up an app's message push in secure mode, or with neither token nor key ends it. It fails as SetSecret does.
func (r Register) SetPush(ctx context.Context, by string, appid app.Appid, token, key app.Secret) error {
	if appid == r.Default {
		return malformed("push", ErrDefault)
	}
	if token != "" || key != "" {
		if _, err := wechat.NewPush(wechat.PushOptions{Appid: appid, Token: token, AESKey: key}); err != nil {
			return malformed("push", ErrPush)
		}
	}
	return r.change(ctx, by, appid, app.ActionSetAppPush, func(record *app.AppRecord) string {
		record.Sealed.PushToken, record.Sealed.PushKey = nil, nil
		if token == "" {
			return "off"
		}
		places := db.AppSecretPlaces(record.App)
		record.Sealed.PushToken = r.Ring.Seal(places.PushToken, []byte(token.Reveal()))
		record.Sealed.PushKey = r.Ring.Seal(places.PushKey, []byte(key.Reveal()))
		return "on"
	})
}

// Disable turns an app's users away; what is stored of them stays, and is kept no longer than before. It fails as SetSecret does.
func (r Register) Disable(ctx context.Context, by string, appid app.Appid) error {
	if appid == r.Default {
		return malformed("appid", ErrDefault)
	}
	return r.change(ctx, by, appid, app.ActionDisableApp, func(record *app.AppRecord) string {
		record.DisabledAt = r.Clock()
		return ""
	})
}

// Enable serves an app's users again. NotFound: there is no such app.
func (r Register) Enable(ctx context.Context, by string, appid app.Appid) error {
	return r.change(ctx, by, appid, app.ActionEnableApp, func(record *app.AppRecord) string {
		record.DisabledAt = time.Time{}
		return ""
	})
}

// change does to an app's record what alter does, which tells the audit row's detail.
func (r Register) change(ctx context.Context, by string, appid app.Appid, action app.Action, alter func(*app.AppRecord) string) error {
	return r.Store.Write(ctx, func(tx *db.Tx) error {
		record, err := tx.AppRecord(ctx, appid)
		if err != nil {
			return err
		}
		detail := alter(&record)
		if err := tx.UpdateApp(record); err != nil {
			return err
		}
		return r.audit(tx, by, action, record.App, detail)
	})
}

func (r Register) audit(tx *db.Tx, by string, action app.Action, of app.App, detail string) error {
	return tx.Audit(r.Ring, app.AuditRow{
		At: r.Clock(), Operator: by, Action: action, AppID: of.ID, Detail: strings.TrimSuffix(string(of.Appid)+": "+detail, ": "),
	})
}

// secrets opens what is sealed of a record; what is not set is "".
func (r Register) secrets(record app.AppRecord) (app.AppSecrets[app.Secret], error) {
	var opened app.AppSecrets[app.Secret]
	var failures []error
	places := db.AppSecretPlaces(record.App)
	open := func(into *app.Secret, place db.Place, sealed []byte) {
		if len(sealed) == 0 {
			return
		}
		text, err := r.Ring.Open(place, sealed)
		*into = app.Secret(text)
		failures = append(failures, err)
	}
	open(&opened.Secret, places.Secret, record.Sealed.Secret)
	open(&opened.PushToken, places.PushToken, record.Sealed.PushToken)
	open(&opened.PushKey, places.PushKey, record.Sealed.PushKey)
	return opened, errors.Join(failures...)
}

func checkDetails(name string, policy app.TokenPolicy) error {
	if !app.Printable(name, longestName) {
		return malformed("name", ErrName)
	}
	switch policy {
	case app.PolicyServer, app.PolicyFixed, app.PolicyFollowKey:
		return nil
	}
	return malformed("policy", ErrPolicy)
}

func checkSecret(secret app.Secret) error {
	if !app.UsableAppSecret(secret) {
		return malformed("secret", ErrSecret)
	}
	return nil
}

func malformed(field string, cause error) error {
	return app.FailField(app.Malformed, "", field).Because(cause)
}

func described(name string, policy app.TokenPolicy) string {
	if policy == app.PolicyServer {
		return name
	}
	return strings.TrimSpace(name + " (" + string(policy) + ")")
}
