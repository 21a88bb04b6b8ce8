package e2e

import (
	"encoding/csv"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	appid     = "wxe2e0000000000001"
	appSecret = "e2e5ec2e7e2e5ec2e7e2e5ec2e7e2e5e"
	masterKey = "e2e0000000000000000000000000000000000000000000000000000000000e2e"
)

// server is the binary as `serve`.
type server struct {
	*process
	api
	settings []string
	data     string
}

// settingsOf are those of a server that has its own data folder and takes w for WeChat. Later ones win.
func settingsOf(t testing.TB, weChatURL string, more ...string) []string {
	t.Helper()
	return append([]string{
		"WXKEEPER_ADDR=127.0.0.1:0",
		"WXKEEPER_DATA=" + filepath.Join(t.TempDir(), "data"),
		"WXKEEPER_APPID=" + appid,
		"WXKEEPER_SECRET=" + appSecret,
		"WXKEEPER_MASTER_KEY=" + masterKey,
		"WXKEEPER_WECHAT_URL=" + weChatURL,
	}, more...)
}

// serve starts a server on settings and waits until it takes requests.
func serve(t testing.TB, settings []string) *server {
	t.Helper()
	s := &server{process: start(t, settings, "serve"), settings: settings, data: setting(settings, "WXKEEPER_DATA")}
	s.api = newAPI(t, "http://"+s.await(t, &s.stderr, servingAddress))
	return s
}

// setting gives the value of a variable.
func setting(settings []string, name string) (value string) {
	for _, pair := range settings {
		if given, isIt := strings.CutPrefix(pair, name+"="); isIt {
			value = given
		}
	}
	return value
}

// servingAddress finds the address in the log.
func servingAddress(log string) (address string, found bool) {
	for line := range strings.Lines(log) {
		var entry struct{ Msg, Address string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "serving" {
			return entry.Address, true
		}
	}
	return "", false
}

// end stops the server and wants it to end well.
func (s *server) end(t testing.TB) {
	t.Helper()
	if err := s.stop(t, 15*time.Second); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, s.stderr.String())
	}
}

// exportedUser is one line of `users export`.
type exportedUser struct {
	Appid, OpenID, UnionID, NickName, AvatarURL, Language, City, Province, Country, PhoneNumber, User string
	Gender                                                                                            int
}

// export gives all users by openid. The server may be running.
func export(t testing.TB, settings []string) map[string]exportedUser {
	t.Helper()
	users := map[string]exportedUser{}
	for line := range strings.Lines(succeed(t, settings, "users", "export", "--format", "jsonl")) {
		var user exportedUser
		if err := json.Unmarshal([]byte(line), &user); err != nil {
			t.Fatalf("half a line in the export: %q: %v", line, err)
		}
		if _, twice := users[user.OpenID]; twice {
			t.Errorf("openid %s is exported twice", user.OpenID)
		}
		users[user.OpenID] = user
	}
	return users
}

// exportCSV gives the raw text and its rows, without the byte order mark.
func exportCSV(t testing.TB, settings []string) (text string, rows [][]string) {
	t.Helper()
	text = succeed(t, settings, "users", "export", "--format", "csv")
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return text, rows
}

// addClient makes credentials for a business server beside the running server, and gives the secret.
func addClient(t testing.TB, settings []string, name string) (secret string) {
	t.Helper()
	return strings.TrimSpace(succeed(t, settings, "client", "add", name))
}
