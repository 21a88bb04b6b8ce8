package wechat

import (
	"context"
	"errors"
)

// nobodysCode is a login code that WeChat gave to nobody: what it says of the code, it says after it has looked at appid and secret.
const nobodysCode = "0wxkeeperTriesItsSecret"

// Try asks WeChat whether it takes the client's appid and secret, for logins and for the access token of all other calls. nil: it does.
func (c *Client) Try(ctx context.Context) (login, calls *Error) {
	_, err := c.Code2Session(ctx, nobodysCode)
	if errors.As(err, &login) && login.Class() == ClassCodeInvalid {
		login = nil
	}
	_, calls = c.fetchToken(ctx)
	return login, calls
}
