package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"wxkeeper/app"
)

// fileSuffix makes the variable that names a secret's file.
const fileSuffix = "_FILE"

func (r *report) appSecret(setting string, env Env) app.Secret {
	text, ok := r.secret(setting, env)
	switch {
	case !ok:
	case text == "":
		r.refuse(setting, "is missing", "Copy the AppSecret of the mini program (开发设置 at mp.weixin.qq.com) into a file only you can read, then:\n"+
			"  export "+prefix+setting+fileSuffix+"=/path/of/the/file")
	case !app.UsableAppSecret(app.Secret(text)):
		r.refuse(setting, "is no AppSecret: it has blanks, line breaks or characters beyond ASCII, or is too long",
			"Copy it again: the AppSecret is one line of 32 hex digits.")
	default:
		return app.Secret(text)
	}
	return ""
}

// push reads what the message push was set up with at mp.weixin.qq.com. Its secure mode is the only one: in the others anybody
// who has seen one message can forge more.
func (r *report) push(tokenSetting, keySetting string, env Env) (token, key app.Secret) {
	tokenText, tokenRead := r.secret(tokenSetting, env)
	keyText, keyRead := r.secret(keySetting, env)
	if tokenRead && keyRead && (tokenText == "") != (keyText == "") {
		r.refuse(tokenSetting, "and "+prefix+keySetting+" go together, and one is missing",
			"Copy both from 开发管理 → 消息推送 at mp.weixin.qq.com, in 安全模式; or set neither.")
	}
	if keyText != "" && !aesKeyForm.MatchString(keyText) {
		r.refuse(keySetting, "is no EncodingAESKey", "Copy it again: it is 43 letters and digits.")
	}
	return app.Secret(tokenText), app.Secret(keyText)
}

// aesKeyForm is the form of an EncodingAESKey.
var aesKeyForm = regexp.MustCompile(`^[A-Za-z0-9]{43}$`)

func (r *report) masterKey(setting string, env Env, data string) MasterKey {
	text, ok := r.secret(setting, env)
	if !ok {
		return MasterKey{}
	}
	if text == "" {
		r.refuse(setting, "is missing", "Nothing secret is stored without it. Make one, once, and keep it as long as the data:\n"+
			"  umask 077; wxkeeper keygen > master.key\n"+
			"  export "+prefix+setting+fileSuffix+"=master.key")
		return MasterKey{}
	}
	key, err := ParseMasterKey(text)
	if err != nil {
		r.refuse(setting, err.Error(), "Use what wxkeeper keygen printed for this data folder; another key cannot open it.")
	}
	if path := env.get(prefix + setting + fileSuffix); path != "" && within(data, path) {
		r.warn("the master key %s lies in the data folder: whoever copies the folder can read everything; move it elsewhere", path)
	}
	return key
}

// within compares the two paths as they are written, which is enough for a warning.
func within(folder, path string) bool {
	relative, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(relative)
}

// secret reads a secret from its variable or from its file, without the blanks around it. A secret that is not given is ""
// and ok; one that is given and cannot be read is reported and not ok.
func (r *report) secret(setting string, env Env) (text string, ok bool) {
	name := prefix + setting
	value, path := env.get(name), env.get(name+fileSuffix)
	switch {
	case value != "" && path != "":
		r.refuse(setting, "and "+name+fileSuffix+" are both set", "Unset one of them.")
		return "", false
	case path == "":
		return value, true
	case secretForm.MatchString(path):
		r.refuse(setting+fileSuffix, "holds what looks like the secret itself",
			"Write the path of a file that holds it, or use "+name+" instead.")
		return "", false
	}
	return r.secretFile(setting+fileSuffix, path, env)
}

func (r *report) secretFile(setting, path string, env Env) (text string, ok bool) {
	content, mode, err := env.ReadFile(path)
	if err != nil {
		r.refuse(setting, fmt.Sprintf("names %s, which cannot be read: %v", shown(path), withoutPath(err)),
			"Check the path and that the user wxkeeper runs as may read the file.")
		return "", false
	}
	text = strings.TrimSpace(string(content))
	if text == "" {
		r.refuse(setting, fmt.Sprintf("names %s, which is empty", shown(path)), "Write the secret into the file.")
		return "", false
	}
	if readableByAll(path, mode) {
		r.warn("every user of this machine can read the secret in %s; run: chmod 600 %s", path, path)
	}
	return text, true
}

// readableByAll leaves out where container engines put secrets: they make them so, and nobody else is in there.
func readableByAll(path string, mode fs.FileMode) bool {
	return mode.IsRegular() && mode.Perm()&0o004 != 0 && !strings.HasPrefix(path, "/run/secrets/")
}

// withoutPath drops the path that errors of package os repeat.
func withoutPath(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
