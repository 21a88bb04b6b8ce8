package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSettingsReachTheirParts sets to something else what nobody but main.go hands on, and sees it work.
func TestSettingsReachTheirParts(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	metrics := freeAddress(t)
	const password = "correct horse battery staple"
	settings := settingsOf(t, w.URL, "WXKEEPER_METRICS_ADDR="+metrics, "WXKEEPER_PUBLIC_URL=http://keeper.example.com/there",
		"WXKEEPER_ENV_NAME=staging-e2e", "WXKEEPER_TOKEN_IDLE=1h", "WXKEEPER_SEALED_MAX_AGE=10m",
		"WXKEEPER_VERIFY_OPENID=true", "WXKEEPER_BACKEND_RATE=1")
	s := serve(t, settings)
	addOperator(t, s, password)

	one := w.newPerson()
	got := s.login(t, one.login())
	if got.ExpiresIn != 3600 {
		t.Errorf("TOKEN_IDLE: expires in %d s", got.ExpiresIn)
	}
	sealedAgo := func(age time.Duration) fields {
		return seal(one.key(0), marked(one.visible(), appid, time.Now().Add(-age))).fields(got.Token)
	}
	s.mustPost(t, "/getinfo/", sealedAgo(9*time.Minute), 0)
	s.mustPost(t, "/getinfo/", sealedAgo(11*time.Minute), 3)

	verified := s.ask(t, http.MethodGet, "/verify/", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+got.Token) })
	if openid := verified.Header.Get("X-Wxkeeper-OpenID"); openid != one.openid {
		t.Errorf("VERIFY_OPENID: told %q", openid)
	}
	secret := addClient(t, settings, "order-service")
	for _, status := range []int{http.StatusOK, http.StatusTooManyRequests} {
		asked := s.ask(t, http.MethodPost, "/introspect/", "token=unknown", func(r *http.Request) { r.SetBasicAuth("order-service", secret) })
		if asked.StatusCode != status {
			t.Errorf("BACKEND_RATE: HTTP %d, want %d", asked.StatusCode, status)
		}
	}

	o := newOperator(t, s, password, canaries{})
	for what, want := range map[string]string{"/openapi.yaml": "  - url: /there\n", "/admin/keys": "staging-e2e"} {
		if page := o.get(what, http.StatusOK, nil); !strings.Contains(page, want) {
			t.Errorf("%s does not say %s", what, want)
		}
	}
	measured := newAPI(t, "http://"+metrics)
	if page := get(t, measured, measured.url+"/metrics"); !strings.Contains(page, "\nwxkeeper_") {
		t.Errorf("METRICS_ADDR: %.300s", page)
	}
	s.end(t)

	// What is past its keeping goes with the first sweep, which is at the start.
	left := func() (events int, err error) {
		ran := command(t, settings, "users", "export", "--user", got.User, "--reason", "a test")
		var person struct{ Events []any }
		if ran.err == nil {
			ran.err = json.Unmarshal([]byte(ran.stdout), &person)
		}
		return len(person.Events), ran.err
	}
	if events, err := left(); err != nil || events == 0 {
		t.Fatalf("%d events: %v", events, err)
	}
	s = serve(t, append(settings, "WXKEEPER_EVENTS_KEEP=1ms"))
	eventually(t, 20*time.Second, "EVENTS_KEEP: no event is left", func() bool {
		events, err := left()
		return err == nil && events == 0
	})
	s.end(t)
	s = serve(t, append(settings, "WXKEEPER_USERS_KEEP=1ms", "WXKEEPER_TOTP_REQUIRED_ROLES=admin"))
	if page := newOperator(t, s, password, canaries{}).get("/admin/users", http.StatusOK, nil); !strings.Contains(page, `action="/there/admin/account/totp"`) {
		t.Errorf("TOTP_REQUIRED_ROLES: %.300s", page)
	}
	eventually(t, 20*time.Second, "USERS_KEEP: no user is left", func() bool { return len(export(t, settings)) == 0 })
	s.end(t)
}

// ask sends a form and gives the answer's status and header.
func (a api) ask(t *testing.T, method, path, form string, as func(*http.Request)) *http.Response {
	t.Helper()
	request, err := http.NewRequest(method, a.url+path, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	as(request)
	response, err := a.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response
}
