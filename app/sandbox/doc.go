// Package sandbox is an emulator of WeChat for development, demonstrations and tests: its server side, the phones on which
// people use a mini program, and the mini program itself, so that no WeChat account is needed.
//
// A WeChat answers the calls of its server API over HTTP with WeChat's real errors, and breaks down on demand; it sends data
// pre-fetch and message push to the keeper. A Phone is what wx.* is on a device: it logs in, checks its session, collects
// sealed data and withdraws consent. A MiniProgram is the client of the article this
// product grew from, running on a phone and talking to the keeper's API over HTTP. A Crowd is a dozen of those that behave
// like people. Everything can also be played by hand with curl, under /sandbox/ on the emulator's listener.
//
// Everything lives in memory. Openids follow from a seed, so that a second run on the same data meets the same people;
// codes, session keys and ivs are random. The sandbox knows the keeper only by its HTTP API, and does no load generation.
package sandbox
