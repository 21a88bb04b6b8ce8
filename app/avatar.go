package app

import (
	"crypto/rand"
	"path"
	"regexp"
	"strings"
	"time"
)

// Avatar is a picture that a user uploaded, made small.
type Avatar struct {
	UserID  UserID
	AppID   AppID
	Name    string // in its address; nobody guesses it
	Picture []byte // a JPEG
	At      time.Time
}

// NewAvatarName makes a name that nobody guesses: 26 letters and digits.
func NewAvatarName() string { return rand.Text() }

var avatarNameForm = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// AvatarNameOf tells the name of an avatar of ours by its address, whatever host that is at; "": it is none.
func AvatarNameOf(address string) string {
	folder, name := path.Split(address)
	if !avatarNameForm.MatchString(name) || !strings.HasSuffix(folder, "/avatar/") {
		return ""
	}
	return name
}
