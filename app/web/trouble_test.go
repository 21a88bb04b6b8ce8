package web

import (
	"strings"
	"testing"

	"wxkeeper/app"
	"wxkeeper/db"
	"wxkeeper/db/disk"
)

// TestDiskInTrouble: a clean answer while it lasts, by itself well again afterwards, what was acknowledged still there, and a
// line in the log for each of both.
func TestDiskInTrouble(t *testing.T) {
	for name, trouble := range map[string]*disk.Trouble{"full": disk.Full, "read-only": disk.ReadOnly} {
		t.Run(name, func(t *testing.T) {
			watched, err := disk.Watch(t.Name())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { watched.Close() })
			store, err := db.Open(t.Context(), t.TempDir(), db.WithDisk(watched))
			if err != nil {
				t.Fatal(err)
			}
			h := newHouseOn(t, store)
			alice := h.login(t, "alice")
			for range 2 {
				watched.Have(trouble)
				h.wantTrouble(t, alice)
				watched.Have(nil)
				h.wantWell(t, alice)
			}
			if got := strings.Count(h.log.String(), `"level":"ERROR"`); got != 2 {
				t.Errorf("%d errors logged for 2 troubles:\n%s", got, h.log)
			}
			if got := strings.Count(h.log.String(), "works again"); got != 2 {
				t.Errorf("%d times well again for 2 troubles:\n%s", got, h.log)
			}
		})
	}
}

// wantTrouble wants what needs the disk to be refused, and the rest to go on.
func (h house) wantTrouble(t *testing.T, token string) {
	t.Helper()
	for range 5 {
		code := request{method: "POST", path: "/login/", kind: "json", body: jsonOf(map[string]string{"code": h.value(t, "code", "bob")})}
		wantFailure(t, ask(t, h.Server, code), app.StorageUnavailable)
		wantFailure(t, ask(t, h.Server, h.call(t, "/getinfo/", "json", "body", token)), app.StorageUnavailable)
		wantFailure(t, ask(t, h.Server, request{method: "GET", path: "/readyz"}), app.StorageUnavailable)
	}
	if got := ask(t, h.Server, h.call(t, "/session/", "json", "body", token)); got.HTTP != 200 {
		t.Errorf("/session/: HTTP %d %s", got.HTTP, got.Body)
	}
	if got := ask(t, h.Server, request{method: "GET", path: "/healthz"}); got.HTTP != 200 {
		t.Errorf("/healthz: HTTP %d", got.HTTP)
	}
}

func (h house) wantWell(t *testing.T, token string) {
	t.Helper()
	bob := h.login(t, "bob")
	for _, ours := range []string{token, bob} {
		if got := ask(t, h.Server, h.call(t, "/session/", "json", "body", ours)); got.HTTP != 200 {
			t.Errorf("/session/: HTTP %d %s", got.HTTP, got.Body)
		}
	}
	if got := ask(t, h.Server, h.call(t, "/getinfo/", "json", "body", token)); got.HTTP != 200 {
		t.Errorf("/getinfo/: HTTP %d %s", got.HTTP, got.Body)
	}
	if got := ask(t, h.Server, request{method: "GET", path: "/readyz"}); got.HTTP != 200 {
		t.Errorf("/readyz: HTTP %d", got.HTTP)
	}
}
