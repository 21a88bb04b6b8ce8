package command_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestClients(t *testing.T) {
	f := newFolder(t)
	f.serve(firstAppid, "oA")
	ran := f.run(f.of("client", "add", "order-service")...)
	secret := strings.TrimSpace(ran.out)
	if ran.err != nil || !strings.HasPrefix(secret, "wxk_") || len(secret) != 47 {
		t.Fatalf("add: %q", ran.said())
	}
	for name, says := range map[string]string{"order-service": "already", "Order": "cannot be a name", "a:b": "cannot be a name"} {
		if ran := f.run(f.of("client", "add", name)...); ran.err == nil || !strings.Contains(ran.err.Error(), says) || ran.out != "" {
			t.Errorf("add %s: %q", name, ran.said())
		}
	}
	f.serve(secondAppid)
	if ran := f.run(f.of("client", "add", "second")...); ran.err == nil || !strings.Contains(ran.err.Error(), "--appid") {
		t.Errorf("add where there are two mini programs: %q", ran.said())
	}
	if ran := f.run(f.of("client", "add", "everywhere", "--all-apps")...); ran.err != nil {
		t.Errorf("add for all: %q", ran.said())
	}
	list := f.run("client", "list", "--data", f.path)
	for _, line := range []string{"order-service  " + string(firstAppid), "everywhere     all"} {
		if !strings.Contains(list.out, line) || !strings.Contains(list.out, "command line") || !strings.Contains(list.out, "never") {
			t.Errorf("list: %q lacks %q", list.said(), line)
		}
	}
	if strings.Contains(list.said(), secret) {
		t.Error("the secret is listed")
	}
	if ran := f.run(f.of("client", "revoke", "order-service")...); ran.err != nil {
		t.Errorf("revoke: %q", ran.said())
	}
	if ran := f.run(f.of("client", "revoke", "order-service")...); ran.err == nil || !strings.Contains(ran.err.Error(), "no credentials named order-service") {
		t.Errorf("revoke again: %q", ran.said())
	}
	var told []string
	for _, row := range f.audit() {
		told = append(told, string(row.Action)+" "+row.Detail)
	}
	if got := strings.Join(told, ", "); got != "backends.add order-service, backends.add everywhere, backends.revoke order-service" {
		t.Errorf("audited: %s", got)
	}
}

func TestUsersImport(t *testing.T) {
	f := newFolder(t)
	f.serve(firstAppid, "oA")
	file := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(file, []byte("openid,nickname\noB,小明\nbad one,x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		arguments []string
		says      string
	}{
		{[]string{"--dry-run"}, "2 lines: 1 new users, 0 changed, 0 as they were, 0 session keys, 0 left out, 1 refused (nothing was changed)."},
		{nil, "2 lines: 1 new users"},
		{nil, "2 lines: 0 new users, 0 changed, 1 as they were"},
	} {
		ran := f.run(f.of(append([]string{"users", "import", file}, test.arguments...)...)...)
		if ran.err == nil || !strings.Contains(ran.err.Error(), "1 lines could not be used") || !strings.Contains(ran.said(), "line 3: openid") ||
			!strings.Contains(ran.out, test.says) {
			t.Errorf("%v: %q", test.arguments, ran.said())
		}
	}
	exported := f.run(f.of("users", "export")...)
	if !strings.Contains(exported.out, "小明") {
		t.Errorf("exported: %q", exported.said())
	}
	if rows := f.audit(); len(rows) != 4 || rows[0].Reason != "moving in" {
		t.Errorf("audited: %+v", rows)
	}
	if ran := f.run(f.of("users", "import", filepath.Join(t.TempDir(), "none"))...); ran.err == nil {
		t.Error("a file that is not there is imported")
	}
}
