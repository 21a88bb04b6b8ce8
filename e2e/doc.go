// Package e2e tests the built binary from outside: over HTTP, by its command line and by what it leaves on disk.
//
// It is a module of its own, so that what only these tests need (a JavaScript engine, another author's WeChat SDK) stays out
// of the product's go.mod. WeChat is replaced by a stand-in written here, which shares no code with the product: not even the
// way data is sealed. Where more of WeChat is needed than logins (checks, resets, push, pre-fetch, an outage), an office takes
// the product's own emulator, whose faithfulness another author's SDK tests.
package e2e
