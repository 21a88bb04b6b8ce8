// Package app holds the words every other package uses: users, session keys, sessions, events, errors and the pure rules
// about them. It imports only the standard library, touches neither disk nor network, and never asks the clock: whoever
// needs the time is given it.
package app
