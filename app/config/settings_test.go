package config_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"wxkeeper/app/config"
)

// commands uses the settings as main does.
type commands struct {
	Serve   struct{ config.Serve }   `cmd:""`
	Check   struct{ config.Store }   `cmd:""`
	Migrate struct{ config.Folder }  `cmd:""`
	Sandbox struct{ config.Sandbox } `cmd:""`
}

// parse runs kong with only the given variables of ours, and gives what it printed.
func parse(t *testing.T, vars map[string]string, args ...string) (commands, string) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "WXKEEPER_") {
			t.Setenv(name, "")
		}
	}
	for name, value := range vars {
		t.Setenv(name, value)
	}
	var cli commands
	var out strings.Builder
	parser, err := kong.New(&cli, kong.Writers(&out, io.Discard), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil && out.Len() == 0 {
		t.Fatal(err)
	}
	return cli, out.String()
}

func TestFlagsAndVariables(t *testing.T) {
	vars := map[string]string{"WXKEEPER_ADDR": ":1", "WXKEEPER_API_RATE": "5", "WXKEEPER_STATUS_200": "on", "WXKEEPER_KEY_GRACE": ""}
	cli, _ := parse(t, vars, "serve", "--appid=wx1", "--addr=:2")
	got, err := cli.Serve.Config(goodEnv())
	if err != nil {
		t.Fatal(err)
	}
	if got.Addr != ":2" || got.APIRate != 5 || !got.Status200 || got.KeyGrace == 0 || got.Data != "data" {
		t.Errorf("got %+v", got)
	}
	cli, _ = parse(t, nil, "serve", "--status-200", "--data", "x")
	if cli.Serve.Status200 != "true" || cli.Serve.Path() != "x" {
		t.Errorf("got %+v", cli.Serve)
	}
}

func TestBadValuesReachUs(t *testing.T) {
	vars := map[string]string{"WXKEEPER_STATUS_200": "perhaps", "WXKEEPER_API_RATE": "many"}
	cli, _ := parse(t, vars, "serve", "--appid=wx1")
	_, err := cli.Serve.Config(goodEnv())
	problems, _ := err.(config.Problems)
	if len(problems) != 2 {
		t.Errorf("got %v, want both problems", err)
	}
}

func TestFolderAlone(t *testing.T) {
	cli, _ := parse(t, map[string]string{"WXKEEPER_DATA": " /srv/x\r"}, "migrate")
	if cli.Migrate.Path() != "/srv/x" {
		t.Errorf("got %q", cli.Migrate.Path())
	}
	cli, _ = parse(t, nil, "sandbox")
	if cli.Sandbox.Data != "" || cli.Sandbox.Addr != "127.0.0.1:8000" {
		t.Errorf("got %+v", cli.Sandbox)
	}
}

func TestHelpNamesEverySetting(t *testing.T) {
	_, help := parse(t, nil, "serve", "--help")
	for _, s := range config.Settings() {
		if !strings.Contains(help, s.Variable) || s.Flag == "" && !strings.Contains(help, s.Variable+"_FILE") {
			t.Errorf("serve --help does not name %s", s.Variable)
		}
		if s.Flag != "" && !strings.Contains(help, "      "+s.Flag) {
			t.Errorf("serve --help does not know the flag %s of %s", s.Flag, s.Variable)
		}
		if s.Meaning == "" {
			t.Errorf("%s has no meaning", s.Variable)
		}
	}
	_, help = parse(t, nil, "check", "--help")
	if !strings.Contains(help, "WXKEEPER_MASTER_KEY_FILE") || strings.Contains(help, "WXKEEPER_SECRET") {
		t.Errorf("check --help tells of the wrong secrets:\n%s", help)
	}
}

func TestSettingsTable(t *testing.T) {
	table := config.SettingsTable()
	for _, row := range []string{
		"| variable | flag | default | meaning |\n| --- | --- | --- | --- |\n",
		"| `WXKEEPER_SECRET` or `WXKEEPER_SECRET_FILE` |  |  | Required.",
		"| `WXKEEPER_STATUS_200` | `--status-200` | `false` | Answer",
	} {
		if !strings.Contains(table, row) {
			t.Errorf("the table lacks %q:\n%s", row, table)
		}
	}
	if got, want := strings.Count(table, "\n"), len(config.Settings())+2; got != want {
		t.Errorf("the table has %d lines, want %d", got, want)
	}
}
