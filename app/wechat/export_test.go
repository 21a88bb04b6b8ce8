package wechat

// NewTransport lets tests trust the certificate of a stand-in and change nothing else.
var NewTransport = newTransport
