package wechat_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

// vectors are published and derived test vectors; the file says where each one comes from.
type vectors struct {
	Decrypt      []decryptVector   `json:"decrypt"`
	RawSignature []signatureVector `json:"raw_signature"`
	SessionHMAC  []signatureVector `json:"session_hmac"`
	MessagePush  []pushVector      `json:"message_push"`
}

type decryptVector struct {
	Name          string          `json:"name"`
	Appid         *app.Appid      `json:"appid"` // nil: the watermark is not checked
	SessionOpenID app.OpenID      `json:"session_openid"`
	SessionKey    app.Secret      `json:"session_key"`
	PreviousKeys  []app.Secret    `json:"previous_session_keys"`
	IV            string          `json:"iv"`
	EncryptedData string          `json:"encrypted_data"`
	Normalise     string          `json:"normalise"`
	Expected      json.RawMessage `json:"expected"`
	CurrentOnly   *expectedError  `json:"expected_with_current_key_only"`
}

type expectedError struct {
	Error string `json:"error"`
}

type signatureVector struct {
	Name       string     `json:"name"`
	SessionKey app.Secret `json:"session_key"`
	RawData    string     `json:"raw_data"`
	Message    string     `json:"message"`
	Signature  string     `json:"signature"`
	Expected   bool       `json:"expected"`
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/wechat-decrypt.json")
	if err != nil {
		t.Fatal(err)
	}
	var read vectors
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if len(read.Decrypt) != 18 || len(read.RawSignature) != 5 || len(read.SessionHMAC) != 3 || len(read.MessagePush) != 7 {
		t.Fatalf("the file of vectors is not whole: %d, %d, %d, %d",
			len(read.Decrypt), len(read.RawSignature), len(read.SessionHMAC), len(read.MessagePush))
	}
	return read
}

func TestDecryptVectors(t *testing.T) {
	for _, vector := range readVectors(t).Decrypt {
		t.Run(vector.Name, func(t *testing.T) {
			payload, err := vector.open(append([]app.Secret{vector.SessionKey}, vector.PreviousKeys...))
			vector.checkOutcome(t, payload, err)
			if vector.CurrentOnly != nil {
				_, err := vector.open([]app.Secret{vector.SessionKey})
				checkProblem(t, err, vector.CurrentOnly.Error)
			}
		})
	}
}

func (v decryptVector) open(keys []app.Secret) (wechat.Payload, error) {
	read := wechat.DecodeSealed
	if v.Normalise != "" {
		read = wechat.ReadSealed
	}
	sealed, err := read(v.EncryptedData, v.IV)
	if err != nil {
		return wechat.Payload{}, err
	}
	for _, key := range keys {
		var payload wechat.Payload
		if payload, err = sealed.Open(v.key(key)); err == nil {
			return payload, v.check(payload)
		}
	}
	return wechat.Payload{}, err
}

// key repairs the one key that was published as damaged as its data; elsewhere even a bad key is taken as it is.
func (v decryptVector) key(text app.Secret) app.SessionKey {
	if v.Normalise == "space_to_plus" {
		text = app.Secret(strings.ReplaceAll(text.Reveal(), " ", "+"))
	}
	return app.SessionKey{Secret: text}
}

func (v decryptVector) check(payload wechat.Payload) error {
	openid := v.SessionOpenID
	if openid == "" {
		openid = payload.OpenID
	}
	if v.Appid == nil {
		return payload.CheckOpenID(openid)
	}
	return checkBoth(payload, *v.Appid, openid)
}

func (v decryptVector) checkOutcome(t *testing.T, payload wechat.Payload, err error) {
	t.Helper()
	var failure expectedError
	if json.Unmarshal(v.Expected, &failure); failure.Error != "" {
		checkProblem(t, err, failure.Error)
		return
	}
	if err != nil {
		t.Fatalf("not opened: %v", err)
	}
	want := decodeObject(t, v.Expected)
	openid, _ := want["openId"].(string)
	if string(payload.OpenID) != openid {
		t.Errorf("openid %q, want %q", payload.OpenID, openid)
	}
	delete(want, "openId")
	delete(want, "watermark")
	if diff := cmp.Diff(want, decodeObject(t, payload.Object())); diff != "" {
		t.Errorf("object (-want +got):\n%s", diff)
	}
}

func checkProblem(t *testing.T, err error, want string) {
	t.Helper()
	if !errors.Is(err, wechat.OpenProblem(want)) {
		t.Errorf("problem %v, want %s", err, want)
	}
}

func decodeObject(t *testing.T, text []byte) (object map[string]any) {
	t.Helper()
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatalf("not an object: %v: %q", err, text)
	}
	return object
}

func TestRawSignatureVectors(t *testing.T) {
	for _, vector := range readVectors(t).RawSignature {
		key := app.SessionKey{Secret: vector.SessionKey}
		for _, signature := range []string{vector.Signature, strings.ToUpper(vector.Signature)} {
			if got := wechat.CheckRawData(key, vector.RawData, signature); got != vector.Expected {
				t.Errorf("%s: %s fits: %t", vector.Name, signature, got)
			}
		}
		if got := wechat.SignRawData(key, vector.RawData); (got == vector.Signature) != vector.Expected {
			t.Errorf("%s: signed %s, vector has %s", vector.Name, got, vector.Signature)
		}
	}
}

func TestSessionHMACVectors(t *testing.T) {
	for _, vector := range readVectors(t).SessionHMAC {
		got := wechat.SignLogin(app.SessionKey{Secret: vector.SessionKey}, []byte(vector.Message))
		if (got == vector.Signature) != vector.Expected {
			t.Errorf("%s: signed %s, vector has %s", vector.Name, got, vector.Signature)
		}
	}
}

func TestCheckRawDataRefusesOtherTexts(t *testing.T) {
	key := app.SessionKey{Secret: "tiihtNczf5v6AKRyjwEUhQ=="}
	good := wechat.SignRawData(key, `{}`)
	for _, signature := range []string{"", " " + good, good + "\n", good[:38], good + "00", "zz" + good[2:], "é"} {
		if wechat.CheckRawData(key, `{}`, signature) {
			t.Errorf("signature %q was accepted", signature)
		}
	}
}
