package wechat_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

func FuzzReadSealed(f *testing.F) {
	for _, vector := range readVectors(f).Decrypt {
		f.Add(vector.EncryptedData, vector.IV)
	}
	f.Fuzz(func(t *testing.T, encryptedData, iv string) {
		strict, strictErr := wechat.DecodeSealed(encryptedData, iv)
		lenient, err := wechat.ReadSealed(encryptedData, iv)
		if strictErr == nil && (err != nil || lenient.Repaired || !slices.Equal(strict.Ciphertext, lenient.Ciphertext)) {
			t.Errorf("good text was repaired: %v", err)
		}
		if err != nil {
			if _, ok := errors.AsType[*wechat.FormatError](err); !ok {
				t.Errorf("error %v is no FormatError", err)
			}
			return
		}
		if len(lenient.IV) != 16 || len(lenient.Ciphertext) == 0 || len(lenient.Ciphertext)%16 != 0 {
			t.Errorf("iv of %d, ciphertext of %d bytes", len(lenient.IV), len(lenient.Ciphertext))
		}
	})
}

func FuzzOpen(f *testing.F) {
	for _, vector := range readVectors(f).Decrypt {
		if sealed, err := wechat.ReadSealed(vector.EncryptedData, vector.IV); err == nil {
			f.Add(sealed.Ciphertext, sealed.IV, vector.key(vector.SessionKey).Reveal())
		}
	}
	f.Fuzz(func(t *testing.T, ciphertext, iv []byte, key string) {
		before := slices.Clone(ciphertext)
		payload, err := wechat.Sealed{Ciphertext: ciphertext, IV: iv}.Open(app.SessionKey{Secret: app.Secret(key)})
		if !slices.Equal(before, ciphertext) {
			t.Error("opening changed the ciphertext, which further keys need")
		}
		if _, ok := errors.AsType[wechat.OpenProblem](err); err != nil && !ok {
			t.Errorf("error %v is no OpenProblem", err)
		}
		if err == nil && !json.Valid(payload.Object()) {
			t.Errorf("object %q", payload.Object())
		}
	})
}

// FuzzPayload compares the walk over a payload with encoding/json.
func FuzzPayload(f *testing.F) {
	for _, vector := range readVectors(f).Decrypt {
		f.Add([]byte(vector.Expected))
	}
	f.Add([]byte(` { "nick\u004eame" : "a\\\"}" , "x":[{"]":"}"}] ,"y":-1.5e+3 , "openGId":"G","opengid":"g"} `))
	f.Add([]byte(`{"openId":"o1","OPENID":"o2","watermark":null,"gender":"2","countryCode":86,"":0}`))
	f.Fuzz(func(t *testing.T, plaintext []byte) {
		payload, err := openText(t, string(plaintext))
		var want map[string]json.RawMessage
		isObject := utf8.Valid(plaintext) && json.Unmarshal(plaintext, &want) == nil && want != nil
		if err != nil {
			if !errors.Is(err, wechat.BadJSON) {
				t.Errorf("%v", err)
			}
			return
		}
		if !isObject {
			t.Fatalf("%q was read as an object", plaintext)
		}
		sameMembers(t, want, payload.Object())
		var nickname *string
		if json.Unmarshal(want["nickName"], &nickname) == nil && nickname != nil && *nickname != payload.Profile.Nickname {
			t.Errorf("nickname %q, want %q", payload.Profile.Nickname, *nickname)
		}
	})
}

// sameMembers wants object to hold what want holds, but no openId and no watermark.
func sameMembers(t *testing.T, want map[string]json.RawMessage, object []byte) {
	t.Helper()
	var got map[string]json.RawMessage
	if err := json.Unmarshal(object, &got); err != nil {
		t.Fatalf("object %q: %v", object, err)
	}
	for name, value := range want {
		hidden := strings.EqualFold(name, "openId") || strings.EqualFold(name, "watermark")
		if _, there := got[name]; there == hidden {
			t.Errorf("%q is there: %t", name, there)
		}
		if !hidden && string(got[name]) != string(value) {
			t.Errorf("%q is %s, want %s", name, got[name], value)
		}
	}
}

func FuzzCode2SessionAnswer(f *testing.F) {
	f.Add(goodAnswer)
	f.Add(`{"errcode":"40029","errmsg":"invalid code, hints: [ req_id: JjI2s9Iqe ]"}`)
	f.Add(`{"errcode":40164,"errmsg":"invalid ip 203.0.113.5 ipv6 ::ffff:203.0.113.5, not in whitelist rid: 61a0-b1"}`)
	f.Add(`{"errcode":-1,"errmsg":"s3cret/of+the&app= \u0000密"}`)
	f.Fuzz(func(t *testing.T, body string) {
		client := newClient(t, wechat.Options{
			Timeout: 50 * time.Millisecond, // less than any pause, so that nothing is tried twice
			Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(body))}, nil
			}),
		})
		login, err := client.Code2Session(t.Context(), "c1")
		if err == nil {
			if _, err := login.SessionKey.Bytes(); err != nil || login.OpenID == "" {
				t.Errorf("login %+v: %v", login, err)
			}
			return
		}
		failed := failure(t, err)
		if len(failed.Message) > 210 || len(failed.Rid) > 64 || len(failed.Address) > 45 || !utf8.ValidString(failed.Message) {
			t.Errorf("unbounded: %#v", failed)
		}
	})
}

func FuzzCheckRawData(f *testing.F) {
	for _, vector := range readVectors(f).RawSignature {
		f.Add(vector.RawData, vector.Signature)
	}
	f.Fuzz(func(t *testing.T, rawData, signature string) {
		fits := strings.EqualFold(signature, wechat.SignRawData(testKey(), rawData))
		if got := wechat.CheckRawData(testKey(), rawData, signature); got != fits {
			t.Errorf("signature %q fits: %t", signature, got)
		}
	})
}

func BenchmarkOpenProfile(b *testing.B) {
	vector := readVectors(b).Decrypt[0]
	key := vector.key(vector.SessionKey)
	b.ReportAllocs()
	for b.Loop() {
		sealed, err := wechat.ReadSealed(vector.EncryptedData, vector.IV)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := sealed.Open(key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenWithWrongKey(b *testing.B) {
	vector := readVectors(b).Decrypt[0]
	sealed, err := wechat.ReadSealed(vector.EncryptedData, vector.IV)
	if err != nil {
		b.Fatal(err)
	}
	wrong := app.SessionKey{Secret: "AAAAAAAAAAAAAAAAAAAAAA=="}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sealed.Open(wrong); err == nil {
			b.Fatal("noise was opened")
		}
	}
}
