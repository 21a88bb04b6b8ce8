package keeper

import (
	"context"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
	"wxkeeper/db"
)

// AccessTokens is where the processes on one database share an app's access token, encrypted.
func AccessTokens(store *db.DB, ring *db.KeyRing, of app.App) wechat.AccessTokenStore {
	place := db.AccessTokenPlace(of.ID, of.Appid)
	return wechat.AccessTokenStore{
		Load: func(ctx context.Context) (wechat.AccessToken, error) {
			sealed, expires, err := store.Read().AccessToken(ctx, of.ID)
			if app.KindOf(err) == app.NotFound {
				return wechat.AccessToken{}, nil
			}
			if err != nil {
				return wechat.AccessToken{}, err
			}
			text, err := ring.Open(place, sealed)
			return wechat.AccessToken{Text: app.Secret(text), ExpiresAt: expires}, err
		},
		Save: func(ctx context.Context, token wechat.AccessToken) error {
			sealed := ring.Seal(place, []byte(token.Text.Reveal()))
			return store.Write(ctx, func(tx *db.Tx) error {
				return tx.SaveAccessToken(of.ID, sealed, token.ExpiresAt.Truncate(time.Millisecond))
			})
		},
	}
}
