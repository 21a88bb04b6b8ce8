package wechat

import "context"

// NewTransport lets tests trust the certificate of a stand-in and change nothing else.
var NewTransport = newTransport

// RenewToken is where a caller without a token arrives, however late.
func (c *Client) RenewToken(ctx context.Context) { c.renewToken(ctx) }
