package app

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// idEpoch is where the milliseconds of ids begin: 41 bits of them last until 2089.
var idEpoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

const idRandomBits = 22

// ID is a row's id: 41 bits of milliseconds, then 22 random bits. Ids sort by time. They are never shown outside the dashboard.
type ID int64

// The kinds of row, so that one cannot be passed for another.
type (
	UserID       ID
	UserChangeID ID
	KeyID        ID
	SessionID    ID
	EventID      ID
	OperatorID   ID
)

// NewID makes an id for a row that begins at the given time.
func NewID(at time.Time) ID {
	return FirstID(at) | ID(randomUint64()&(1<<idRandomBits-1))
}

// FirstID is the smallest id a row of that time can have: ranges over time are ranges over ids.
func FirstID(at time.Time) ID {
	return ID(max(at.Sub(idEpoch).Milliseconds(), 0)) << idRandomBits
}

// Time is when the row began, to the millisecond.
func (id ID) Time() time.Time {
	return idEpoch.Add(time.Duration(id>>idRandomBits) * time.Millisecond)
}

// UserNumber is what people say aloud for a user: 9 random digits, unique in an app. 0: none.
type UserNumber int32

const (
	firstUserNumber = 100_000_000
	userNumbers     = 900_000_000
)

// NewUserNumber draws a number. A number already taken in the app is drawn again by whoever inserts.
func NewUserNumber() UserNumber {
	return UserNumber(firstUserNumber + randomUint64()%userNumbers)
}

// String writes the nine digits.
func (n UserNumber) String() string { return fmt.Sprintf("%09d", int32(n)) }

// RequestID is the support code (反馈码) of one request: 8 characters without 0, 1, I, L, O and U, so that it can be read out
// on the phone. It holds the second of the request, so that its events are found by time without an index.
type RequestID string

const (
	requestIDLetters    = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
	requestIDLength     = 8
	requestIDRandomBits = 17
	requestIDPeriod     = 1 << 22 // seconds until the time part repeats: 48 days
)

// NewRequestID makes the support code of a request that arrived at the given time.
func NewRequestID(at time.Time) RequestID {
	second := uint64(at.Unix()) % requestIDPeriod
	number := second<<requestIDRandomBits | randomUint64()&(1<<requestIDRandomBits-1)
	var code [requestIDLength]byte
	for i := requestIDLength - 1; i >= 0; i-- {
		code[i] = requestIDLetters[number%uint64(len(requestIDLetters))]
		number /= uint64(len(requestIDLetters))
	}
	return RequestID(code[:])
}

// ParseRequestID reads a support code as people type it: in any case, with spaces around.
func ParseRequestID(text string) (RequestID, error) {
	text = strings.ToUpper(strings.TrimSpace(text))
	if len(text) != requestIDLength || strings.Trim(text, requestIDLetters) != "" {
		return "", FailField(Malformed, "", "support code")
	}
	return RequestID(text), nil
}

// Times lists the seconds in which the request may have arrived, newest first, from now back to oldest.
func (r RequestID) Times(now, oldest time.Time) []time.Time {
	var number uint64
	for _, letter := range []byte(r) {
		number = number*uint64(len(requestIDLetters)) + uint64(strings.IndexByte(requestIDLetters, letter))
	}
	second := int64(number >> requestIDRandomBits)
	last := now.Unix() - (now.Unix()-second)%requestIDPeriod
	var times []time.Time
	for at := last; at >= oldest.Unix(); at -= requestIDPeriod {
		times = append(times, time.Unix(at, 0))
	}
	return times
}

func randomUint64() uint64 {
	var bytes [8]byte
	rand.Read(bytes[:]) // never fails since Go 1.24: it ends the program instead
	return binary.BigEndian.Uint64(bytes[:])
}
