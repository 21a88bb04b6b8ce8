package app_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wxkeeper/app"
)

var start = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

func TestIDsHoldTheirTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := start.Add(time.Duration(rapid.Int64Range(-6*365*24*3600e3, 60*365*24*3600e3).Draw(t, "ms")) * time.Millisecond)
		id := app.NewID(at)
		if id < 0 || !id.Time().Equal(at) {
			t.Fatalf("id %d of %v is dated %v", id, at, id.Time())
		}
		if first := app.FirstID(at); id < first || id >= app.FirstID(at.Add(time.Millisecond)) {
			t.Fatalf("id %d is not in the range of its millisecond", id)
		}
	})
}

func TestRequestIDHoldsItsSecond(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := start.Add(time.Duration(rapid.Int64Range(0, 400*24*3600).Draw(t, "second")) * time.Second)
		request := app.NewRequestID(at)
		if len(request) != 8 || strings.ContainsAny(string(request), "01ILOU") {
			t.Fatalf("support code is %q", request)
		}
		typed, err := app.ParseRequestID(" " + strings.ToLower(string(request)) + "\n")
		if err != nil || typed != request {
			t.Fatalf("typed %q, read %q, %v", request, typed, err)
		}
		age := time.Duration(rapid.Int64Range(0, 100*24*3600).Draw(t, "age")) * time.Second
		times := request.Times(at.Add(age), at.Add(-time.Second))
		if !slices.ContainsFunc(times, at.Equal) {
			t.Fatalf("%v is not among %v", at, times)
		}
	})
}

func TestRequestIDsAreRefusedWhenMistyped(t *testing.T) {
	for _, text := range []string{"", "2345678", "234567890", "2345678O", "2345678!", "反馈码反馈码反馈"} {
		if request, err := app.ParseRequestID(text); err == nil {
			t.Errorf("%q is read as %q", text, request)
		}
	}
}

func TestUserNumbersHaveNineDigits(t *testing.T) {
	for range 1000 {
		if text := app.NewUserNumber().String(); len(text) != 9 || text[0] == '0' {
			t.Fatalf("user number %q", text)
		}
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	const secret = "tiihtNczf5v6AKRyjwEUhQ=="
	key, err := app.NewSessionKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	token := app.NewToken()
	all := struct {
		Secret app.Secret
		Key    app.SessionKey
		Token  app.Token
	}{secret, key, token}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("all", "all", all, "secret", all.Secret, "key", key, "token", token)
	encoded, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{
		log.String(), string(encoded), fmt.Sprint(all), fmt.Sprintf("%+v %#v %s %q %x %d", all, all, all, all, all, all),
		fmt.Sprint(all.Secret, key, token), fmt.Sprintf("%v %+v %#v %s %q %x", key, key, key, key, key, key),
		fmt.Errorf("wrapped: %v", key).Error(),
	}
	for _, text := range texts {
		if strings.Contains(text, secret) || strings.Contains(text, token.Reveal()) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
			t.Errorf("a secret is printed: %s", text)
		}
	}
}

func TestTokens(t *testing.T) {
	token := app.NewToken()
	if len(token.Reveal()) != 43 {
		t.Errorf("token has %d characters", len(token.Reveal()))
	}
	again, err := app.ParseToken(token.Reveal())
	if err != nil || again.Hash() != token.Hash() {
		t.Errorf("read back: %v", err)
	}
	if token.Hash() != sha256.Sum256([]byte(token.Reveal())) {
		t.Error("what is stored of a token is not its SHA-256")
	}
	for _, text := range []string{"", "short", token.Reveal() + "A", token.Reveal()[:42], token.Reveal() + "=", " " + token.Reveal()[1:], strings.Repeat("é", 43)} {
		if _, err := app.ParseToken(text); app.KindOf(err) != app.InvalidToken {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSessionKeysAreBase64Of16Bytes(t *testing.T) {
	for text, good := range map[string]bool{
		"tiihtNczf5v6AKRyjwEUhQ==": true, "": false, "tiihtNczf5v6AKRyjwEUhQ": false, "tiihtNczf5v6AKRyjwEUhQ==...": false,
		"tiihtNczf5v6AKRyjwEUh\nQ==": false, "AAAA": false, "tiihtNczf5v6AKRyjwEUhQAA": false,
	} {
		if _, err := app.NewSessionKey(text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestCodes(t *testing.T) {
	for code, want := range map[string]struct {
		kind   app.Kind
		reason app.Reason
	}{
		"081Kq4Ga1-_.~":          {},
		strings.Repeat("x", 128): {},
		strings.Repeat("x", 129): {app.Malformed, app.LoginCodeMalformed},
		"":                       {app.Malformed, app.LoginCodeMalformed},
		"x&appid=evil":           {app.Malformed, app.LoginCodeMalformed},
		"码":                      {app.Malformed, app.LoginCodeMalformed},
		"x\n":                    {app.Malformed, app.LoginCodeMalformed},
		app.MockCode:             {app.InvalidCode, app.LoginCodeMock},
	} {
		err := app.CheckCode(code)
		if want.reason == "" && err == nil {
			continue
		}
		if app.KindOf(err) != want.kind || app.ReasonOf(err) != want.reason {
			t.Errorf("%q: %v", code, err)
		}
	}
}

func TestUsableKeys(t *testing.T) {
	key := func(id int, superseded time.Duration) app.KeyRecord {
		record := app.KeyRecord{ID: app.KeyID(id), Sealed: []byte{1}}
		if superseded >= 0 {
			record.SupersededAt = start.Add(-superseded)
		}
		return record
	}
	wiped := key(9, time.Minute)
	wiped.Sealed = nil
	for name, test := range map[string]struct {
		keys []app.KeyRecord
		want []app.KeyID
	}{
		"none":                 {},
		"current":              {[]app.KeyRecord{key(1, -1)}, []app.KeyID{1}},
		"two before":           {[]app.KeyRecord{key(3, -1), key(2, time.Minute), key(1, 10*time.Minute)}, []app.KeyID{3, 2, 1}},
		"after the grace":      {[]app.KeyRecord{key(3, -1), key(2, time.Minute), key(1, 10*time.Minute+1)}, []app.KeyID{3, 2}},
		"a fourth":             {[]app.KeyRecord{key(4, -1), key(3, 0), key(2, 0), key(1, 0)}, []app.KeyID{4, 3, 2}},
		"destroyed":            {[]app.KeyRecord{key(3, -1), wiped}, []app.KeyID{3}},
		"superseded, no newer": {[]app.KeyRecord{key(1, time.Minute)}, []app.KeyID{1}},
	} {
		var got []app.KeyID
		for _, record := range app.UsableKeys(test.keys, start, 10*time.Minute) {
			got = append(got, record.ID)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestSessionsEnd(t *testing.T) {
	policy := app.SessionPolicy{Idle: time.Hour, MaxAge: 3 * time.Hour}
	session := app.Session{ID: app.SessionID(app.FirstID(start))}
	for seen, want := range map[time.Duration]struct {
		after  time.Duration
		reason app.Reason
	}{
		0:                 {time.Hour, app.DeviceIdle},
		time.Hour:         {2 * time.Hour, app.DeviceIdle},
		2 * time.Hour:     {3 * time.Hour, app.DeviceMaxAge},
		179 * time.Minute: {3 * time.Hour, app.DeviceMaxAge},
	} {
		session.SeenAt = start.Add(seen)
		end, reason := policy.End(session)
		if !end.Equal(start.Add(want.after)) || reason != want.reason {
			t.Errorf("seen after %v: ends %v, %s", seen, end.Sub(start), reason)
		}
	}
}

func TestRecentPayloadsAreBounded(t *testing.T) {
	var recent app.RecentPayloads
	for i := range 10 {
		recent = recent.With(app.PayloadDigest{byte(i)})
		for j := range 12 {
			want := j <= i && j > i-4
			if got := recent.Contains(app.PayloadDigest{byte(j)}); got != want {
				t.Errorf("after %d: contains %d: %v", i, j, got)
			}
		}
	}
}

func TestErrorsTellTheirKind(t *testing.T) {
	cause := errors.New("disk")
	err := fmt.Errorf("wrapped: %w", app.Fail(app.StorageUnavailable, app.LoginStorage).Because(cause).After(time.Second))
	if app.KindOf(err) != app.StorageUnavailable || app.ReasonOf(err) != app.LoginStorage || !errors.Is(err, cause) {
		t.Errorf("error is %v", err)
	}
	if app.KindOf(cause) != app.Internal || app.ReasonOf(nil) != "" {
		t.Error("an unclassified error is not internal")
	}
	names := map[string]bool{}
	for _, kind := range app.Kinds() {
		names[kind.String()] = true
	}
	if len(names) != len(app.Kinds()) || names[""] {
		t.Errorf("kinds are not all named: %v", names)
	}
}
