package config

import (
	"regexp"
	"strings"
)

// Recipients gives the public keys that backups are encrypted to, none where they are not. It fails with Problems.
func (b Backups) Recipients() ([]string, error) {
	trim(&b)
	var r report
	recipients := r.ageRecipients("BACKUP_AGE_RECIPIENTS", b.BackupAgeRecipients)
	return recipients, r.err()
}

// Open gives the data folder, the master key it has and the one it is to have. It fails with Problems.
func (s Rotation) Open(env Env) (folder string, from, to MasterKey, err error) {
	trim(&s)
	var r report
	from = r.masterKey("MASTER_KEY", env, s.Data)
	to = r.newMasterKey("NEW_MASTER_KEY", env, s.Data)
	return s.Data, from, to, r.err()
}

// newMasterKey has its own words for a missing key: the new one must not be written over the old one.
func (r *report) newMasterKey(setting string, env Env, data string) MasterKey {
	if env.get(prefix+setting) == "" && env.get(prefix+setting+fileSuffix) == "" {
		r.refuse(setting, "is missing", "Make one beside the old one, which older backups still need:\n"+
			"  umask 077; wxkeeper keygen > new-master.key\n"+
			"  export "+prefix+setting+fileSuffix+"=new-master.key")
		return MasterKey{}
	}
	return r.masterKey(setting, env, data)
}

// ageRecipient is the form of age's public keys; the program that encrypts knows which are good.
var ageRecipient = regexp.MustCompile(`^age1[a-z0-9]{50,}$`)

func (r *report) ageRecipients(setting, value string) []string {
	var recipients []string
	for _, one := range strings.FieldsFunc(value, func(c rune) bool { return c == ',' || c == ' ' }) {
		switch {
		case strings.HasPrefix(strings.ToUpper(one), "AGE-SECRET-KEY"):
			r.refuse(setting, "holds a secret key of age", "Name the public key, which begins with age1; keep the secret one off this machine.")
			return nil
		case !ageRecipient.MatchString(one):
			r.refuseValue(setting, one, "which is no public key of age", "Copy what age-keygen prints as the public key; it begins with age1.")
			return nil
		}
		recipients = append(recipients, one)
	}
	return recipients
}

func (r *report) backupDir(setting, value, data string) string {
	if value != "" && within(data, value) {
		r.warn("backups go into the data folder, to %s: whoever loses the disk loses both; set %s%s to a folder on another one", value, prefix, setting)
	}
	return value
}
