package config_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxkeeper/app/config"
)

// file makes a reader that knows one file.
func file(name, content string, mode fs.FileMode) func(string) ([]byte, fs.FileMode, error) {
	return func(path string) ([]byte, fs.FileMode, error) {
		if path != name {
			return noFiles(path)
		}
		return []byte(content), mode, nil
	}
}

func TestMasterKeyProblems(t *testing.T) {
	tests := []struct {
		name    string
		vars    []string
		content string
		setting string
		what    string
		do      string
	}{
		{"missing", nil, "", "MASTER_KEY", "is missing", "wxkeeper keygen > master.key\n  export WXKEEPER_MASTER_KEY_FILE=master.key"},
		{"blank", []string{"WXKEEPER_MASTER_KEY= "}, "", "MASTER_KEY", "is missing", "keygen"},
		{"too short", []string{"WXKEEPER_MASTER_KEY=" + masterKey[:62]}, "", "MASTER_KEY", "64 hex digits", "keygen"},
		{"no hex", []string{"WXKEEPER_MASTER_KEY=" + strings.Repeat("g", 64)}, "", "MASTER_KEY", "64 hex digits", "keygen"},
		{"all zeros", []string{"WXKEEPER_MASTER_KEY=" + strings.Repeat("0", 64)}, "", "MASTER_KEY", "all zeros", "keygen"},
		{"given twice", []string{"WXKEEPER_MASTER_KEY=" + masterKey, "WXKEEPER_MASTER_KEY_FILE=key"}, masterKey, "MASTER_KEY", "both set", "Unset one"},
		{"no such file", []string{"WXKEEPER_MASTER_KEY_FILE=lost"}, "", "MASTER_KEY_FILE", `"lost", which cannot be read: file does not exist`, "Check the path"},
		{"empty file", []string{"WXKEEPER_MASTER_KEY_FILE=key"}, " \n", "MASTER_KEY_FILE", `"key", which is empty`, "Write the secret"},
		{"bad file", []string{"WXKEEPER_MASTER_KEY_FILE=key"}, masterKey + masterKey, "MASTER_KEY", "64 hex digits", "keygen"},
		{"key as path", []string{"WXKEEPER_MASTER_KEY_FILE=" + masterKey}, "", "MASTER_KEY_FILE", "secret itself", "WXKEEPER_MASTER_KEY instead"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, key, err := config.Store{}.Open(config.Env{Vars: test.vars, ReadFile: file("key", test.content, 0o600)})
			wantProblem(t, err, test.setting, test.what, test.do)
			if !key.IsZero() {
				t.Error("a key was given all the same")
			}
			if strings.Contains(err.Error(), masterKey[:16]) {
				t.Errorf("the key is shown: %v", err)
			}
		})
	}
}

func TestAppSecretProblems(t *testing.T) {
	for name, value := range map[string]string{
		"two lines": appSecret + "\n" + appSecret, "a blank": "a b", "not ASCII": "密钥", "too long": strings.Repeat("a", 129),
	} {
		t.Run(name, func(t *testing.T) {
			env := config.Env{Vars: []string{"WXKEEPER_MASTER_KEY=" + masterKey, "WXKEEPER_SECRET=" + value}}
			_, err := config.Serve{Office: config.Office{Appid: "wx1"}}.Config(env)
			wantProblem(t, err, "SECRET", "no AppSecret", "one line")
			if strings.Contains(err.Error(), value) {
				t.Errorf("the secret is shown: %v", err)
			}
		})
	}
}

func TestSecretFromFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if err := os.WriteFile(path, []byte(" "+masterKey+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := config.OS()
	env.Vars = []string{"WXKEEPER_MASTER_KEY_FILE=" + path}
	data, key, err := config.Store{}.Open(env)
	if err != nil || data != "data" || key.Reveal() != strings.ToLower(masterKey) {
		t.Errorf("got %q, %v", data, err)
	}
	env.Vars = []string{"WXKEEPER_MASTER_KEY_FILE=" + t.TempDir()}
	_, _, err = config.Store{}.Open(env)
	wantProblem(t, err, "MASTER_KEY_FILE", "is a directory", "Check the path")
}

func TestSecretFileWarnings(t *testing.T) {
	tests := []struct {
		path string
		mode fs.FileMode
		want []string
	}{
		{"/etc/master.key", 0o600, nil},
		{"/etc/master.key", 0o640, nil},
		{"/etc/master.key", 0o644, []string{"chmod 600 /etc/master.key"}},
		{"/run/secrets/master.key", 0o444, nil},
		{"/dev/fd/63", fs.ModeNamedPipe | 0o666, nil},
		{"/srv/data/../master.key", 0o600, nil},
		{"/srv/data/master.key", 0o600, []string{"lies in the data folder"}},
	}
	for _, test := range tests {
		env := config.Env{
			Vars:     []string{"WXKEEPER_SECRET=" + appSecret, "WXKEEPER_MASTER_KEY_FILE=" + test.path},
			ReadFile: file(test.path, masterKey, test.mode),
		}
		settings := config.Serve{Office: config.Office{Appid: "wx1", Store: config.Store{Folder: config.Folder{Data: "/srv/data"}}}}
		got, err := settings.Config(env)
		if err != nil {
			t.Fatal(err)
		}
		wantWarnings(t, got.Warnings, test.want...)
	}
}

func TestNewMasterKey(t *testing.T) {
	key := config.NewMasterKey()
	if key.IsZero() || key == config.NewMasterKey() {
		t.Error("the key is not random")
	}
	_, got, err := config.Store{}.Open(config.Env{Vars: []string{"WXKEEPER_MASTER_KEY=" + key.Reveal()}})
	if err != nil || got != key || got.Bytes() != key.Bytes() {
		t.Errorf("what was revealed is not read again: %v", err)
	}
}
