package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// api is the server's HTTP interface as a client sees it.
type api struct {
	url    string
	client *http.Client
}

func newAPI(t testing.TB, url string) api {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: 30 * time.Second}
	t.Cleanup(client.CloseIdleConnections)
	return api{url, client}
}

// reply is what a call was answered.
type reply struct {
	http   int
	header http.Header
	body   string
	took   time.Duration

	Status, Code int
	Msg          string
	Data         json.RawMessage
}

// fields are the parameters of a call.
type fields map[string]string

// post makes one call. An error means that no answer came.
func (a api) post(path string, in fields) (reply, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return reply{}, err
	}
	began := time.Now()
	response, err := a.client.Post(a.url+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	return readReply(response, began)
}

func readReply(response *http.Response, began time.Time) (reply, error) {
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{}, err
	}
	r := reply{http: response.StatusCode, header: response.Header, body: string(text), took: time.Since(began)}
	if err := json.Unmarshal(text, &r); err != nil {
		return reply{}, fmt.Errorf("HTTP %d, not JSON: %q", r.http, text)
	}
	if r.Status != r.Code {
		return reply{}, fmt.Errorf("status and code differ: %s", text)
	}
	return r, nil
}

// mustPost makes a call that must be answered with this code; 0 is success.
func (a api) mustPost(t testing.TB, path string, in fields, code int) reply {
	t.Helper()
	r, err := a.post(path, in)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if r.Code != code || (code == 0) != (r.http == http.StatusOK) {
		t.Fatalf("%s: HTTP %d %s, want code %d", path, r.http, r.body, code)
	}
	return r
}

// login is the data of a good /login/.
type login struct {
	Token     string
	ExpiresIn int `json:"expires_in"`
	User      string
}

func (a api) login(t testing.TB, code string) login {
	t.Helper()
	return dataOf[login](t, a.mustPost(t, "/login/", fields{"code": code}, 0))
}

// profile is the data of a good /getinfo/ with a profile.
type profile struct {
	Name, Avatar, Language, Province, City, Country, User string
	Gender                                                int
}

func (a api) getInfo(t testing.TB, token string, data sealed) profile {
	t.Helper()
	return dataOf[profile](t, a.mustPost(t, "/getinfo/", data.fields(token), 0))
}

func dataOf[T any](t testing.TB, r reply) (data T) {
	t.Helper()
	if err := json.Unmarshal(r.Data, &data); err != nil {
		t.Fatalf("%s: %v", r.body, err)
	}
	return data
}

// eventually polls until a condition holds.
func eventually(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
		<-time.After(20 * time.Millisecond)
	}
}
