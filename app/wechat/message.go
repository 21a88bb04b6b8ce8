package wechat

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
	"wxkeeper/app/member"
)

// The events by which WeChat tells us what must be done with a user's data (授权用户信息变更).
const (
	EventUserInfoModified = "user_info_modified"              // it cleared a nickname or avatar that breaks its rules
	EventUserRevoked      = "user_authorization_revoke"       // the user withdrew what RevokeInfo lists
	EventUserCancelled    = "user_authorization_cancellation" // the user closed the account
)

// The numbers in Message.RevokeInfo that stand for data this system may hold (授权用户信息变更). There are others.
const (
	RevokedProfile  = 6  // nickname and avatar
	RevokedPhone    = 8  // phone number
	RevokedRunData  = 12 // steps walked
	RevokedNickname = 19 // the nickname from the nickname keyboard
	RevokedAvatar   = 20 // the avatar from the avatar picker
)

// Message is what WeChat tells us by message push. Fields that a message does not have are empty.
type Message struct {
	Type      string     // MsgType: event, or what a user sent to customer service
	Event     string     // of type event
	OpenID    app.OpenID // whom it is about. Not FromUserName, which in these events may be WeChat itself
	CreatedAt time.Time  // to the second, by WeChat's clock

	// MsgID is the same for all deliveries of one message and for no other one of the mini program: 64 hex digits made of
	// WeChat's MsgId or, where there is none, as in events, of everything the message says.
	MsgID string

	// RevokeInfo lists what the user withdrew. Unknown numbers are kept, for a person to decide; a part that is no number is 0.
	RevokeInfo []int

	Raw []byte // the message as it was, JSON or XML
}

// pushed is what a message or an envelope says, by field. Deeper levels do not matter to us.
type pushed map[string]string

// readPushed reads JSON and XML by content: WeChat sends what its back office was set to (数据格式).
func readPushed(text []byte) (pushed, bool) {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte{'<'}) {
		return readPushedXML(text)
	}
	object, ok := member.Read(text)
	if !ok {
		return nil, false
	}
	fields := pushed{}
	for quotedName, value := range object.Each() {
		content, isText := member.Text(value)
		if !isText {
			content = string(value)
		}
		fields.set(string(member.Name(quotedName)), content)
	}
	return fields, true
}

func readPushedXML(text []byte) (pushed, bool) {
	var document struct {
		Fields []struct {
			XMLName xml.Name
			Text    string `xml:",chardata"`
		} `xml:",any"`
	}
	if xml.Unmarshal(text, &document) != nil {
		return nil, false
	}
	fields := pushed{}
	for _, field := range document.Fields {
		fields.set(field.XMLName.Local, field.Text)
	}
	return fields, true
}

// set trims: WeChat's own sample has a space too many.
func (p pushed) set(name, content string) { p[strings.TrimSpace(name)] = strings.TrimSpace(content) }

func (p pushed) message(text []byte) Message {
	openid, _ := readOpenID(p["OpenID"])
	return Message{
		Type:       p["MsgType"],
		Event:      p["Event"],
		OpenID:     openid,
		CreatedAt:  p.createdAt(),
		MsgID:      p.id(),
		RevokeInfo: p.revokeInfo(),
		Raw:        bytes.Clone(text),
	}
}

func (p pushed) createdAt() time.Time {
	second, err := strconv.ParseInt(p["CreateTime"], 10, 64)
	if err != nil || second <= 0 || second > lastSecond {
		return time.Time{}
	}
	return time.Unix(second, 0)
}

// id takes more than the usual FromUserName, CreateTime and Event, which are the same for two users who withdraw in the same
// second: one of them would be dropped as a repetition. Encrypt stands beside the clear text in 兼容模式, and is new each time.
func (p pushed) id() string {
	names := slices.Sorted(maps.Keys(p))
	if p["MsgId"] != "" {
		names = []string{"MsgId"}
	}
	hash := sha256.New()
	for _, name := range names {
		if name != "Encrypt" {
			fmt.Fprintf(hash, "%q:%q\n", name, p[name])
		}
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// revokeInfo reads a text with one number, or several between any signs a list may have.
func (p pushed) revokeInfo() []int {
	var numbers []int
	for _, part := range strings.FieldsFunc(p["RevokeInfo"], isListSign) {
		number, err := strconv.Atoi(part)
		if err != nil {
			number = 0
		}
		numbers = append(numbers, number)
	}
	return numbers
}

func isListSign(sign rune) bool { return strings.ContainsRune(",;|，；、\"[] \t\r\n", sign) }
