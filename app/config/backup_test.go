package config_test

import (
	"strings"
	"testing"

	"wxkeeper/app/config"
)

func TestBackupSettings(t *testing.T) {
	for name, test := range map[string]struct {
		change   func(*config.Serve)
		setting  string
		what, do string
	}{
		"too often":        {func(s *config.Serve) { s.BackupEvery = "59s" }, "BACKUP_EVERY", "too short", "720h"},
		"none kept":        {func(s *config.Serve) { s.BackupKeep = "0" }, "BACKUP_KEEP", "not a number", "from 1"},
		"no age key":       {func(s *config.Serve) { s.BackupAgeRecipients = "ssh-rsa" }, "BACKUP_AGE_RECIPIENTS", "no public key", "age-keygen"},
		"a secret age key": {func(s *config.Serve) { s.BackupAgeRecipients = "AGE-SECRET-KEY-1QQQ" }, "BACKUP_AGE_RECIPIENTS", "a secret key", "public key"},
	} {
		t.Run(name, func(t *testing.T) {
			settings := config.Serve{Office: config.Office{Appid: "wx1"}}
			test.change(&settings)
			_, err := settings.Config(goodEnv())
			wantProblem(t, err, test.setting, test.what, test.do)
			if strings.Contains(err.Error(), "SECRET-KEY-1QQQ") {
				t.Errorf("the secret key is shown: %v", err)
			}
			if strings.Contains(name, "age") {
				_, err := settings.Recipients()
				wantProblem(t, err, test.setting, test.what, test.do)
			}
		})
	}
	settings := config.Serve{Office: config.Office{Appid: "wx1"}, BackupDir: "data/backups"}
	made, err := settings.Config(goodEnv())
	if err != nil {
		t.Fatal(err)
	}
	wantWarnings(t, made.Warnings, "backups go into the data folder")
}

func TestRotationNeedsBothKeys(t *testing.T) {
	const newKey = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
	both := []string{"WXKEEPER_MASTER_KEY=" + masterKey, "WXKEEPER_NEW_MASTER_KEY=" + newKey}
	folder, from, to, err := config.Rotation{}.Open(config.Env{Vars: both, ReadFile: noFiles})
	if err != nil || folder != "data" || from.Reveal() != strings.ToLower(masterKey) || to.Reveal() != newKey {
		t.Errorf("%q %v", folder, err)
	}
	_, _, _, err = config.Rotation{}.Open(config.Env{Vars: both[1:], ReadFile: noFiles})
	wantProblem(t, err, "MASTER_KEY", "is missing", "")
	_, _, _, err = config.Rotation{}.Open(config.Env{Vars: both[:1], ReadFile: noFiles})
	wantProblem(t, err, "NEW_MASTER_KEY", "is missing", "> new-master.key")
	_, _, _, err = config.Rotation{}.Open(config.Env{Vars: append(both[:1:1], "WXKEEPER_NEW_MASTER_KEY=xyz"), ReadFile: noFiles})
	wantProblem(t, err, "NEW_MASTER_KEY", "64 hex digits", "")
}
