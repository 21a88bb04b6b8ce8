// Package yardstick is the server that wxkeeper is measured against: Echo and SQLite with synchronous=FULL, written as a good
// engineer writes it who needs nothing but login, getinfo and verify. It has no events, counters, limits, encryption at rest,
// search or logs, and keeps its tokens in memory. Nobody should use it for anything else.
package yardstick
