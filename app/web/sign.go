package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"wxkeeper/app"
	"wxkeeper/app/keeper"
)

const (
	signPath       = "/sign"
	introspectPath = "/introspect"

	// oldestAsked is the greatest max_age: no session key is known to live longer.
	oldestAsked = 30 * 24 * time.Hour
)

type signReply struct {
	User        string `json:"user"`
	Signature   string `json:"signature"`
	ConfirmedAt int64  `json:"confirmed_at"` // epoch seconds
}

// sign signs a payload with a user's session key, for a back end. A user's token names nobody here: whoever holds one could have
// anything signed.
func (s *Server) sign(c echo.Context) error {
	in, err := readFields(c, []string{"payload"}, "openid", "user", "max_age")
	if err != nil {
		return err
	}
	in["token"] = ""
	who, err := namedBy(in)
	if err != nil {
		return err
	}
	maxAge, err := ageOf(in["max_age"])
	if err != nil {
		return err
	}
	signed, err := s.keeper.Sign(c.Request().Context(), callerOf(c), who, in["payload"], maxAge)
	if err != nil {
		return err
	}
	return reply(c, signReply{signed.User.String(), signed.Signature, signed.ConfirmedAt.Unix()})
}

// ageOf reads a number of seconds, nil where none is given.
func ageOf(text string) (*time.Duration, error) {
	if text == "" {
		return nil, nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n > uint64(oldestAsked/time.Second) {
		return nil, malformed("max_age")
	}
	age := time.Duration(n) * time.Second
	return &age, nil
}

// introspection is an answer of RFC 7662, section 2.2. A token that is no good has nothing but the first member.
type introspection struct {
	Active    bool       `json:"active"`
	TokenType string     `json:"token_type,omitempty"`
	Subject   string     `json:"sub,omitempty"` // the user number
	ClientID  app.Appid  `json:"client_id,omitempty"`
	IssuedAt  int64      `json:"iat,omitempty"`
	ExpiresAt int64      `json:"exp,omitempty"`
	OpenID    app.OpenID `json:"openid,omitempty"`
}

// introspect tells a back end whom a token stands for (RFC 7662). Whatever is wrong with the token, the answer is the same; it is a
// failure only where we cannot tell.
func (s *Server) introspect(c echo.Context) error {
	in, err := readFields(c, []string{"token"})
	if err != nil {
		return err
	}
	verified, err := s.keeper.Verify(c.Request().Context(), callerOf(c), in["token"])
	switch kind := app.KindOf(err); {
	case err != nil && (kind == app.InvalidToken || kind == app.UserDisabled):
		return writeJSON(c, http.StatusOK, introspection{})
	case err != nil:
		return err
	}
	return writeJSON(c, http.StatusOK, s.introspected(verified))
}

func (s *Server) introspected(verified keeper.Verified) introspection {
	told := introspection{
		Active: true, TokenType: "Bearer", Subject: verified.User.String(), ClientID: s.keeper.Appid(),
		IssuedAt: verified.IssuedAt.Unix(), ExpiresAt: verified.ExpiresAt.Unix(),
	}
	if s.verifyOpenID {
		told.OpenID = verified.OpenID
	}
	return told
}
