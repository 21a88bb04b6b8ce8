// Package keeper is why the program exists: it trades login codes for session keys, keeps the keys, opens what WeChat
// sealed under them, and knows which key fits. Every login and every opening, good or bad, leaves an event that says
// precisely what happened; the client is told no more than a Kind.
package keeper

import (
	"context"
	"encoding/json"
	"time"

	"wxkeeper/app"
)

// Login is what a mini program gets for a good code.
type Login struct {
	Token     app.Token
	ExpiresIn time.Duration // until the session ends if it is not used again
	User      app.UserNumber
}

// Sealed is encrypted data as a client sends it. RawData and Signature are optional; only both together are looked at.
type Sealed struct {
	EncryptedData string
	IV            string
	RawData       string
	Signature     string
}

// Opened is what a payload held. A profile is the user's stored profile after this payload was applied; any other kind is
// the opened object itself, without openId and watermark.
type Opened struct {
	User      app.UserNumber
	IsProfile bool
	Profile   app.Profile
	Object    json.RawMessage
}

// Session is what a token stands for.
type Session struct {
	User      app.UserNumber
	ExpiresIn time.Duration
}

// Keeper keeps the session keys of one app. It is safe for concurrent use.
type Keeper struct{}

// Login trades a code of wx.login for a token.
func (k *Keeper) Login(ctx context.Context, caller app.Caller, code string) (Login, error) {
	panic("being written")
}

// Open opens sealed data for the owner of the token.
func (k *Keeper) Open(ctx context.Context, caller app.Caller, token string, sealed Sealed) (Opened, error) {
	panic("being written")
}

// Session tells what a token stands for, and keeps the session alive.
func (k *Keeper) Session(ctx context.Context, caller app.Caller, token string) (Session, error) {
	panic("being written")
}

// Logout ends the session of a token.
func (k *Keeper) Logout(ctx context.Context, caller app.Caller, token string) error {
	panic("being written")
}
