package alert

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

	"wxkeeper/app"
	"wxkeeper/app/outgoing"
)

// longestText is how many bytes a robot of 企业微信 takes (群机器人配置说明); the others take more.
const longestText = 2048

// homes are the addresses at which robots of each kind live: host and path. An address of another host is none of that kind.
var homes = map[app.RobotKind][]struct{ host, path string }{
	app.RobotWeCom:    {{"qyapi.weixin.qq.com", "/cgi-bin/webhook/send"}},
	app.RobotFeishu:   {{"open.feishu.cn", "/open-apis/bot/v2/hook/"}, {"open.larksuite.com", "/open-apis/bot/v2/hook/"}},
	app.RobotDingTalk: {{"oapi.dingtalk.com", "/robot/send"}},
}

// credentialOf names the parameter in which an address holds its credential, where that is not its path.
var credentialOf = map[app.RobotKind]string{app.RobotWeCom: "key", app.RobotDingTalk: "access_token"}

// fits says whether an address is one of a kind. A plain webhook may be anywhere that is called at all.
func fits(kind app.RobotKind, address *url.URL) bool {
	if kind == app.RobotWebhook {
		return true
	}
	for _, home := range homes[kind] {
		if address.Scheme != "https" || address.Host != home.host {
			continue
		}
		if name := credentialOf[kind]; name != "" {
			return address.Path == home.path && address.Query().Get(name) != ""
		}
		return len(address.Path) > len(home.path) && address.Path[:len(home.path)] == home.path
	}
	return false
}

// send tells a robot something, and reads whether it took it. Nil: it did.
func (a *Alerts) send(ctx context.Context, robot app.Robot, message Message) *outgoing.Error {
	opened, err := a.open(robot)
	if err != nil {
		a.Log.ErrorContext(ctx, "robot's address does not open", "robot", robot.Name)
		return &outgoing.Error{Problem: outgoing.ProblemUnreachable}
	}
	address, err := a.Outgoing.ParseURL(app.Secret(opened.URL))
	if err != nil {
		return &outgoing.Error{Problem: outgoing.ProblemForbidden}
	}
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	body, err := json.Marshal(a.speech(robot, opened, message, address))
	if err != nil {
		return &outgoing.Error{Problem: outgoing.ProblemNotJSON}
	}
	if robot.Kind == app.RobotWebhook && opened.Secret != "" {
		now := a.Clock()
		outgoing.Sign(header, app.NewID(now), now, body, outgoing.SigningKey(app.Secret(opened.Secret)))
	}
	answer, err := a.Outgoing.Post(ctx, address, header, body)
	if robot.Kind == app.RobotWebhook && answer.Good() {
		return nil // whatever stands in it, and however much
	}
	if failure, failed := errors.AsType[*outgoing.Error](err); failed {
		return failure
	}
	return read(answer)
}

// speech is the body for a robot, and for DingTalk the signature in its address.
func (a *Alerts) speech(robot app.Robot, opened credentials, message Message, address *url.URL) any {
	text := shorten(a.Write(robot.Language, message))
	now := a.Clock()
	switch robot.Kind {
	case app.RobotFeishu:
		// https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot
		body := map[string]any{"msg_type": "text", "content": map[string]string{"text": text}}
		if opened.Secret != "" {
			stamp := strconv.FormatInt(now.Unix(), 10)
			body["timestamp"], body["sign"] = stamp, mac(stamp+"\n"+opened.Secret, "")
		}
		return body
	case app.RobotDingTalk:
		// https://open.dingtalk.com/document/robots/customize-robot-security-settings
		if opened.Secret != "" {
			stamp := strconv.FormatInt(now.UnixMilli(), 10)
			query := address.Query()
			query.Set("timestamp", stamp)
			query.Set("sign", mac(opened.Secret, stamp+"\n"+opened.Secret))
			address.RawQuery = query.Encode()
		}
	case app.RobotWebhook:
		return webhookBody(text, message, now)
	}
	// 企业微信: https://developer.work.weixin.qq.com/document/path/91770
	return map[string]any{"msgtype": "text", "text": map[string]string{"content": text}}
}

// webhookBody is what a program is told: the words for people, and what they are about.
func webhookBody(text string, message Message, now time.Time) any {
	type item struct {
		Name  string    `json:"name"`
		Appid app.Appid `json:"appid,omitempty"`
		Since time.Time `json:"since"`
	}
	body := struct {
		Type   string `json:"type"`
		At     string `json:"timestamp"`
		Text   string `json:"text"`
		Firing []item `json:"firing"`
		Over   []item `json:"recovered"`
	}{Type: "alert", At: now.UTC().Format(time.RFC3339), Text: text, Firing: []item{}, Over: []item{}}
	if message.Test {
		body.Type = "test"
	}
	for _, matter := range message.Firing {
		body.Firing = append(body.Firing, item{matter.Name(), matter.Appid, matter.Since.UTC()})
	}
	for _, matter := range message.Over {
		body.Over = append(body.Over, item{matter.Name(), matter.Appid, matter.Since.UTC()})
	}
	return body
}

func mac(key, text string) string {
	hash := hmac.New(sha256.New, []byte(key))
	hash.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(hash.Sum(nil))
}

// shorten cuts a text where no robot would take more of it.
func shorten(text string) string {
	const mark = "…"
	if len(text) <= longestText {
		return text
	}
	cut := longestText - len(mark)
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + mark
}

// read finds out from an answer whether the message was taken. Robots of chats say no with HTTP 200 and a number.
func read(answer outgoing.Answer) *outgoing.Error {
	if !answer.Good() {
		return &outgoing.Error{Problem: outgoing.ProblemStatus, Status: answer.Status}
	}
	// 企业微信 and 钉钉 answer errcode, 飞书 code; its older answers have StatusCode alone.
	var said struct {
		Errcode, Code, StatusCode *int
	}
	if json.Unmarshal(answer.Body, &said) != nil {
		return &outgoing.Error{Problem: outgoing.ProblemNotJSON}
	}
	for _, number := range []*int{said.Errcode, said.Code, said.StatusCode} {
		switch {
		case number == nil:
		case *number == 0:
			return nil
		default:
			return &outgoing.Error{Problem: outgoing.ProblemErrcode, Errcode: *number}
		}
	}
	return &outgoing.Error{Problem: outgoing.ProblemNotJSON}
}
