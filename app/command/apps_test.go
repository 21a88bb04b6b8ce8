package command_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const otherSecret = "feedfacefeedfacefeedfacefeedface"

func TestAppsByCommandLine(t *testing.T) {
	f := newFolder(t)
	f.serve(firstAppid)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(otherSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	app2 := string(secondAppid)
	ran := func(arguments ...string) outcome {
		return f.runWith([]string{"WXKEEPER_MASTER_KEY=" + masterKey.Reveal(), "WXKEEPER_APPID=" + string(firstAppid)}, f.of(append([]string{"app"}, arguments...)...)...)
	}
	f.wantRefused(ran("disable", app2), "there is no mini program "+app2)
	f.wantRefused(ran("add", otherSecret, "--secret-file", file), "no AppSecret")
	f.wantRefused(ran("add", app2, "--secret-file", os.DevNull), "an AppSecret is one line")
	f.wantRun(ran("add", app2, "--name", "第二店", "--token-policy", "follow-key", "--secret-file", file), "/apps/"+app2+"/login/")
	f.wantRefused(ran("add", app2, "--secret-file", file), "is here already")
	f.wantRefused(ran("set-secret", string(firstAppid), "--secret-file", file), "WXKEEPER_SECRET")
	f.wantRefused(ran("disable", string(firstAppid)), "WXKEEPER_APPID")
	f.wantRun(ran("set-secret", app2, "--secret-file", file), "another AppSecret")
	f.wantRun(ran("disable", app2), "not served any more")
	f.wantRun(ran("list"), "第二店  0      stored      disabled since")
	f.wantRun(ran("enable", app2), "served again")
	var recorded []string
	for _, row := range f.audit() {
		recorded = append(recorded, row.Operator+" "+string(row.Action)+" "+row.Detail)
	}
	want := "command line apps.add wxcommand00000002: 第二店 (follow-key); command line apps.set_secret wxcommand00000002; " +
		"command line apps.disable wxcommand00000002; command line apps.enable wxcommand00000002"
	if got := strings.Join(recorded, "; "); got != want || strings.Contains(got, otherSecret) {
		t.Errorf("recorded %s", got)
	}
	if data, err := os.ReadFile(filepath.Join(f.path, "wxkeeper.db")); err != nil || strings.Contains(string(data), otherSecret) {
		t.Errorf("the database holds the secret in clear, %v", err)
	}
}
