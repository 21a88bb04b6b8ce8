package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxkeeper/app/web/contract"
)

// TestContract plays the scripts that fix the HTTP interface against the binary.
func TestContract(t *testing.T) {
	t.Parallel()
	w := newWeChat(t)
	s := serve(t, settingsOf(t, w.URL, "WXKEEPER_API_RATE=0"))
	cast := cast{weChat: w, people: map[string]*person{}, sealed: map[string]sealed{}}
	orders := "orders:" + addClient(t, s.settings, "orders")
	cast.backEnd = base64.StdEncoding.EncodeToString([]byte(orders))
	contract.Run(t, s.url, os.DirFS("../app/web/testdata/contract"), cast.value)
	s.end(t)
}

// cast gives the scripts what they cannot know: codes and sealed data of people they call by name.
type cast struct {
	weChat *weChat
	people map[string]*person
	sealed map[string]sealed // what was sealed last, by argument

	backEnd string // name and secret of a business server, as HTTP Basic has them
}

func (c cast) person(name string) *person {
	if c.people[name] == nil {
		c.people[name] = c.weChat.newPerson()
	}
	return c.people[name]
}

// value makes a value as the scripts' README describes it.
func (c cast) value(kind, argument string) (string, error) {
	name, what, _ := strings.Cut(argument, "/")
	switch kind {
	case "backend":
		return c.backEnd, nil
	case "code":
		return c.person(name).login(), nil
	case "newkey":
		c.person(name).newKey()
		return c.person(name).login(), nil
	case "usedcode":
		return c.weChat.mint(&grant{used: true}), nil
	case "trouble":
		errcode, err := strconv.Atoi(argument)
		return c.weChat.mint(&grant{mood: refuses(errcode)}), err
	case "phonecode":
		return c.person(name).tapPhoneButton(0), nil
	case "phonetrouble":
		errcode, err := strconv.Atoi(argument)
		return c.person("anybody").tapPhoneButton(errcode), err
	case "picture":
		return contractPicture(argument)
	case "data":
		c.sealed[argument] = sealedKind(c.person(name), what)
		return c.sealed[argument].encryptedData, nil
	case "iv":
		return c.sealed[argument].iv, nil
	case "rawdata":
		return contractRawData, nil
	case "signature":
		return sign(contractRawData, c.person(name).key(0)), nil
	}
	return "", fmt.Errorf("no values of kind %q", kind)
}

// contractPicture is a PNG, whole or with something wrong.
func contractPicture(what string) (string, error) {
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, 20, 10))); err != nil {
		return "", err
	}
	whole := out.String()
	switch what {
	case "cut":
		return whole[:60], nil
	case "bomb":
		return whole[:16] + "\x7f\xff\xff\xff" + whole[20:], nil // the width
	}
	return whole, nil
}

const contractRawData = `{"nickName":"小明😀"}`

// contractPayloads are the objects the scripts expect, without openId and watermark.
var contractPayloads = map[string]map[string]any{
	"profile": {
		"nickName": "小明😀", "avatarUrl": "https://thirdwx.qlogo.cn/mmopen/x/132", "gender": 1, "language": "zh_CN",
		"city": "广州", "province": "广东", "country": "中国",
	},
	"phone": {"phoneNumber": "+8613800138000", "purePhoneNumber": "13800138000", "countryCode": "86"},
	"run":   {"stepInfoList": []map[string]int{{"timestamp": 1445866601, "step": 100}}},
	"group": {"openGId": "tGxxxxxxxxxxxx"},
}

// sealedKind seals a payload of a kind, or a profile with one thing wrong.
func sealedKind(owner *person, what string) sealed {
	content, isKind := contractPayloads[what]
	if !isKind {
		content = contractPayloads["profile"]
	}
	content = maps.Clone(content)
	content["openId"] = owner.openid
	key, ofApp, at := owner.key(0), appid, time.Now()
	switch what {
	case "unknown-key":
		key = "AQEBAQEBAQEBAQEBAQEBAQ=="
	case "previous-key":
		key = owner.key(1)
	case "two-days-old":
		at = at.Add(-48 * time.Hour)
	case "from-the-future":
		at = at.Add(time.Hour)
	case "other-user":
		content["openId"] = "o-somebody-else"
	case "other-app":
		ofApp = "wxfedcba9876543210"
	}
	plain := jsonOf(marked(content, ofApp, at))
	if what == "not-json" {
		plain = "not json"
	}
	// An iv that is written with + signs: clients forget to escape them.
	return sealWith(key, [16]byte(bytes.Repeat([]byte{0xfb}, 16)), plain)
}
