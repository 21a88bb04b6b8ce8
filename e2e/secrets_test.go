package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// canaries are texts that may not turn up, by what they are.
type canaries map[string]string

// add takes a text, its bytes where it is an encoding of some, and what encodings make of both.
func (c canaries) add(what, text string) {
	c.addForms(what, text)
	if bytes, err := base64.StdEncoding.DecodeString(text); err == nil && len(bytes) >= 16 {
		c.addForms(what+", decoded", string(bytes))
	}
	if bytes, err := hex.DecodeString(text); err == nil && len(bytes) >= 16 {
		c.addForms(what+", from hex", string(bytes))
	}
	if bytes, err := base64.RawURLEncoding.DecodeString(text); err == nil && len(bytes) == 32 {
		c.addForms(what+", its 256 bits", string(bytes))
	}
}

// addForms takes a text as it is, in hex, in base64 wherever in a longer text it begins, and escaped for addresses and for JSON.
func (c canaries) addForms(what, text string) {
	c[what] = text
	c[what+", in hex"] = hex.EncodeToString([]byte(text))
	c[what+", in capital hex"] = strings.ToUpper(c[what+", in hex"])
	for before := range 3 {
		encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), text...))
		whole := encoded[(8*before+5)/6 : 8*(before+len(text))/6] // without what neighbours share
		c[fmt.Sprintf("%s, in base64 after %d bytes", what, before)] = whole
		c[fmt.Sprintf("%s, in URL base64 after %d bytes", what, before)] = strings.NewReplacer("+", "-", "/", "_").Replace(whole)
	}
	quoted, _ := json.Marshal(text) // texts always encode
	c[what+", in JSON"] = strings.Trim(string(quoted), `"`)
	c[what+", in an address"] = url.QueryEscape(text)
	c[what+", in a path"] = url.PathEscape(text)
}

func (c canaries) wantNoneIn(t *testing.T, place, text string) {
	t.Helper()
	for what, canary := range c {
		if strings.Contains(text, canary) {
			t.Errorf("%s holds %s", place, what)
		}
	}
}

// wantNoneBelow reads every file of a folder.
func (c canaries) wantNoneBelow(t *testing.T, when, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var read strings.Builder
	for _, entry := range entries {
		if entry.IsDir() {
			continue // what a command is making ready, or keeps aside: looked at by itself
		}
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		c.wantNoneIn(t, entry.Name()+" "+when, string(text))
		read.Write(text)
	}
	// Without this the test would also pass on a database in some other place.
	if !strings.Contains(read.String(), "o-e2e-000001") {
		t.Errorf("%s: not even an openid was found in %s", when, folder)
	}
}

// TestSecretsStayInside does everything a user and a hostile WeChat can do, then looks for secrets in every file of the data
// folder, in the log and in every answer.
func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	const password = "correct horse battery staple"
	w := newWeChat(t)
	metrics := freeAddress(t)
	s := serve(t, settingsOf(t, w.URL, "WXKEEPER_LOG_LEVEL=debug", "WXKEEPER_API_RATE=0", "WXKEEPER_METRICS_ADDR="+metrics,
		"WXKEEPER_PUSH_TOKEN="+pushToken, "WXKEEPER_PUSH_AES_KEY="+pushAESKey))
	atRest := canaries{}
	atRest.add("the app secret", appSecret)
	atRest.add("the push token", pushToken)
	atRest.add("the push key", pushAESKey)
	atRest.add("the access token", accessToken)
	atRest.add("the master key", masterKey)
	atRest.add("a password", password)
	ofPeople := canaries{} // may be stored or answered, but not logged
	var answers []reply

	for range 5 {
		one := w.newPerson()
		first := s.mustPost(t, "/login/", fields{"code": one.login()}, 0)
		token := dataOf[login](t, first).Token
		info := s.mustPost(t, "/getinfo/", one.userInfo().fields(token), 0)
		number := s.mustPost(t, "/getinfo/", one.phoneNumber().fields(token), 0)
		one.newKey()
		second := dataOf[login](t, s.mustPost(t, "/login/", fields{"code": one.login()}, 0)).Token
		answers = append(answers, info, number,
			s.mustPost(t, "/getinfo/", one.userInfoUnder(one.key(1)).fields(second), 0), // a key that was replaced
			s.mustPost(t, "/getinfo/", sealText(w.newPerson().key(0), "{}").fields(second), 3),
			s.mustPost(t, "/getinfo/", fields{"token": second, "iv": "x", "encryptedData": "x"}, 5),
			s.mustPost(t, "/session/", fields{"token": token}, 0),
			s.mustPost(t, "/logout/", fields{"token": token}, 0),
			s.mustPost(t, "/session/", fields{"token": token}, 2))
		atRest.add("a token", token)
		atRest.add("another token", second)
		atRest.add("a session key", one.key(1))
		atRest.add("another session key", one.key(0))
		atRest.add("a phone number", one.phone)
		ofPeople.add("an openid", one.openid)
		ofPeople.add("a unionid", one.unionid)
		ofPeople.add("a nickname", one.nickname)
		atRest.wantNoneBelow(t, "at work", s.data)
	}
	for _, bad := range []struct {
		mood mood
		code int
	}{{tellsSecrets, 10}, {cuts, 7}, {talksNoHTTP, 7}, {redirects, 7}, {status(502), 7}, {breaksOff, 7}} {
		answers = append(answers, s.mustPost(t, "/login/", fields{"code": w.newPerson().loginIn(bad.mood)}, bad.code))
	}
	answers = append(answers, plantByPhone(t, s, w, atRest, ofPeople)...)
	addOperator(t, s, password)
	beside := operate(t, s, w, password, atRest)

	atRest.wantNoneBelow(t, "before the end", s.data)
	told := textOf(t, "http://"+metrics+"/metrics")
	if !strings.Contains(told, "wxkeeper_logins_total") {
		t.Errorf("these are no metrics: %.300s", told)
	}
	atRest.wantNoneIn(t, "/metrics", told)
	ofPeople.wantNoneIn(t, "/metrics", told)
	s.end(t)
	atRest.wantNoneBelow(t, "after the end", s.data)
	beside(ofPeople)
	for _, output := range []string{s.stdout.String(), s.stderr.String()} {
		atRest.wantNoneIn(t, "the log", output)
		ofPeople.wantNoneIn(t, "the log", output)
	}
	for line := range strings.Lines(s.stderr.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line of the log is no JSON: %s", line)
		}
	}
	wantNoKeys(t, w, answers)
	s = serve(t, s.settings) // what comes back from disk is no plainer
	atRest.wantNoneBelow(t, "after a restart", s.data)
	s.end(t)
}

// plantByPhone sends what the mini programs of today send: a phone number by code, pictures that tell where they were taken, and reports
// that quote what they should not.
func plantByPhone(t *testing.T, s *server, w *weChat, atRest, ofPeople canaries) (answers []reply) {
	t.Helper()
	one := w.newPerson()
	token := s.login(t, one.login()).Token
	atRest.add("the token of a phone", token)
	atRest.add("a phone number by code", one.phone)
	atRest.add("where a picture was taken", "planted-39.9042-116.4074")
	atRest.add("the query of an address in a report", "planted-query-6222")
	ofPeople.add("a report's text", "planted-report-text")
	ofPeople.add("a typed nickname", "种下的昵称")
	spent := one.tapPhoneButton(0)
	answers = append(answers,
		s.mustPost(t, "/phone/", fields{"token": token, "code": spent}, 0),
		s.mustPost(t, "/phone/", fields{"token": token, "code": spent}, 4),
		s.mustPost(t, "/profile/", fields{"token": token, "nickName": "种下的昵称"}, 0),
		s.mustPost(t, "/profile/", fields{"token": token, "avatarUrl": "http://tmp/planted"}, 5),
		s.mustPost(t, "/report/", fields{"token": token, "api": "request", "errno": "600002",
			"errMsg": "planted-report-text https://shop.example/pay?card=planted-query-6222 " + token + " " + one.phone + " " + one.key(0)}, 0))
	for _, picture := range picturesThatTell(t, "planted-39.9042-116.4074") {
		stored := s.upload(t, token, picture)
		answers = append(answers, stored)
		address := dataOf[struct{ AvatarURL string }](t, stored).AvatarURL
		if kept := textOf(t, address); !strings.HasPrefix(kept, "\xff\xd8\xff") {
			t.Errorf("what is shown at %s is no JPEG", address)
		} else {
			atRest.wantNoneIn(t, "the picture that is shown", kept)
		}
	}
	return answers
}

// picturesThatTell are pictures with a text beside what is to be seen: in EXIF, in a comment, behind the end, and in a PNG.
func picturesThatTell(t *testing.T, text string) []string {
	t.Helper()
	var asJPEG, asPNG bytes.Buffer
	drawn := image.NewGray(image.Rect(0, 0, 40, 30))
	if err := errors.Join(jpeg.Encode(&asJPEG, drawn, nil), png.Encode(&asPNG, drawn)); err != nil {
		t.Fatal(err)
	}
	number := func(n uint32) string { return string([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) }
	segment := func(marker, content string) string { return marker + number(uint32(len(content) + 2))[2:] + content }
	chunk := "tEXtComment\x00" + text
	told := number(uint32(len(chunk)-len("tEXt"))) + chunk + number(crc32.ChecksumIEEE([]byte(chunk)))
	const startOfJPEG, headOfPNG = 2, 33
	plain, ofPNG := asJPEG.String(), asPNG.String()
	return []string{
		plain[:startOfJPEG] + segment("\xff\xe1", "Exif\x00\x00"+text) + segment("\xff\xfe", text) + plain[startOfJPEG:] + text,
		ofPNG[:headOfPNG] + told + ofPNG[headOfPNG:],
	}
}

// upload sends a picture as wx.uploadFile does.
func (a api) upload(t *testing.T, token, picture string) reply {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("token", token) // nothing that is written to memory fails
	file, err := form.CreateFormFile("file", "tmp_0.jpg")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(file, picture)
	_ = form.Close()
	began := time.Now()
	response, err := a.client.Post(a.url+"/avatar/", form.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := readReply(response, began)
	if err != nil || r.Code != 0 {
		t.Fatalf("%s, %v", r.body, err)
	}
	return r
}

// textOf gives what is at an address.
func textOf(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: HTTP %d, %v", address, response.StatusCode, err)
	}
	return string(text)
}

// wantNoKeys wants no session key, openid or app secret in any answer, whatever else is in it.
func wantNoKeys(t *testing.T, w *weChat, answers []reply) {
	t.Helper()
	secret := canaries{}
	secret.add("the app secret", appSecret)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, known := range w.grants {
		if known.person != nil {
			secret.add("session key of "+known.person.openid, known.key)
			secret.add("openid", known.person.openid)
		}
	}
	for _, answer := range answers {
		secret.wantNoneIn(t, "an answer", answer.body)
	}
}

// addOperator makes an account beside the running server.
func addOperator(t *testing.T, s *server, password string) {
	t.Helper()
	add := exec.Command(binary, "operator", "add", "alice", "--role", "admin", "--password-stdin")
	add.Stdin = strings.NewReader(password + "\n")
	p := startCommand(t, s.settings, add)
	wantNotOnCommandLine(t, p, canaries{"the password": password})
	if err := p.wait(t, time.Minute); err != nil {
		t.Fatalf("%v: %s", err, p.stderr.String())
	}
	for _, output := range []string{p.stdout.String(), p.stderr.String()} {
		if strings.Contains(output, password) {
			t.Errorf("the password is shown: %s", output)
		}
	}
}
