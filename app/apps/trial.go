package apps

import (
	"context"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// Trial is what WeChat says of an app's credentials. Each call needs other things: logins the appid and the secret, everything else an
// access token besides, which WeChat gives to addresses of the IP list (IP 白名单) only. nil: that works.
type Trial struct {
	Login *wechat.Error // a login code of nobody's was refused for another reason than being nobody's
	Calls *wechat.Error // no access token was given
}

// OK says whether everything works.
func (t Trial) OK() bool { return t.Login == nil && t.Calls == nil }

// Try asks WeChat with an app's stored credentials; for the default app a secret of the settings is given. NotFound: there is no such app, or
// no secret of it.
func (r Register) Try(ctx context.Context, appid app.Appid, fromSettings app.Secret) (Trial, error) {
	record, err := r.Store.Read().AppRecord(ctx, appid)
	if err != nil {
		return Trial{}, err
	}
	secrets, err := r.secrets(record)
	if err != nil {
		return Trial{}, err
	}
	if appid == r.Default {
		secrets.Secret = fromSettings
	}
	if secrets.Secret == "" {
		return Trial{}, app.FailField(app.NotFound, "", "secret")
	}
	// A client of its own: neither a token held elsewhere nor a breaker that is open hides what WeChat says now.
	client, err := wechat.NewClient(wechat.Options{BaseURL: r.WeChatURL, Appid: appid, Secret: secrets.Secret})
	if err != nil {
		return Trial{}, err
	}
	login, calls := client.Try(ctx)
	return Trial{Login: login, Calls: calls}, nil
}
