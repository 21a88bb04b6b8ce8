package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"wxkeeper/app"
	"wxkeeper/app/sandbox"
)

// upload sends a file as wx.uploadFile does.
func (o *office) upload(t *testing.T, token, bearer, filename string, file []byte) answer {
	t.Helper()
	return o.uploadAt(t, "", token, bearer, filename, file)
}

// uploadAt says that the server is called host.
func (o *office) uploadAt(t *testing.T, host, token, bearer, filename string, file []byte) answer {
	t.Helper()
	body, mediaType := multipartOf(t, token, filename, file)
	sent, err := http.NewRequest(http.MethodPost, o.server.URL+"/avatar/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sent.Host = host
	sent.Header.Set("Content-Type", mediaType)
	if bearer != "" {
		sent.Header.Set("Authorization", "Bearer "+bearer)
	}
	return o.do(t, sent)
}

func TestAvatarUpload(t *testing.T) {
	o := newOffice(t)
	visitor := o.phone(t, sandbox.Person{Nickname: "小明"})
	if err := visitor.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	token, picture := visitor.Token(), pngOf(20, 10)
	got := o.upload(t, "", token, "tmp_1.jpeg", picture)
	var data avatarReply
	if err := json.Unmarshal(got.Data, &data); err != nil || !strings.HasPrefix(data.AvatarURL, o.server.URL+"/avatar/") {
		t.Fatalf("HTTP %d %s", got.HTTP, got.Body)
	}
	sent, _ := http.NewRequest(http.MethodGet, data.AvatarURL, nil)
	shown := o.do(t, sent)
	for header, want := range map[string]string{
		"Content-Type": "image/jpeg", "X-Content-Type-Options": "nosniff", "Cache-Control": "public, max-age=31536000, immutable",
		"Content-Security-Policy": "default-src 'none'; sandbox",
	} {
		if shown.HTTP != 200 || shown.Header.Get(header) != want {
			t.Errorf("HTTP %d, %s: %q", shown.HTTP, header, shown.Header.Get(header))
		}
	}
	for name, test := range map[string]struct {
		got        answer
		http, code int
	}{
		"a page":       {o.upload(t, token, "", "x.png", []byte("<html>")), 400, 5},
		"cut off":      {o.upload(t, token, "", "x.png", picture[:len(picture)-20]), 400, 5},
		"no file":      {o.upload(t, token, "", "", nil), 400, 1},
		"no token":     {o.upload(t, "", "", "x.png", picture), 400, 1},
		"bad token":    {o.upload(t, "nobody", "", "x.png", picture), 401, 2},
		"too large":    {o.upload(t, token, "", "x.png", make([]byte, uploadBytes)), 413, 11},
		"no multipart": {o.send(t, "/avatar/", jsonType, `{}`), 415, 15},
		"long host":    {o.uploadAt(t, strings.Repeat("x", 1000), token, "", "x.png", picture), 400, 5},
		"no boundary":  {o.send(t, "/avatar/", "multipart/form-data", `x`), 400, 5},
	} {
		if test.got.HTTP != test.http || test.got.Code != test.code {
			t.Errorf("%s: HTTP %d %s", name, test.got.HTTP, test.got.Body)
		}
	}
	page := o.signIn(t, app.RoleViewer).get("/admin/users/" + o.user(t, visitor).Number.String())
	source := "/admin/avatars/" + app.AvatarNameOf(data.AvatarURL)
	if !strings.Contains(page.Body, `src="`+source+`"`) {
		t.Error("the user's page is without the picture")
	}
	if picture := o.signIn(t, app.RoleViewer).get(source); picture.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("%v", picture.Header)
	}
}

// multipartOf is a body as wx.uploadFile sends it, and its type.
func multipartOf(t *testing.T, token, filename string, file []byte) (body, mediaType string) {
	t.Helper()
	var written bytes.Buffer
	form := multipart.NewWriter(&written)
	if token != "" {
		form.WriteField("token", token)
	}
	if filename != "" {
		part, err := form.CreateFormFile("file", filename)
		if err != nil {
			t.Fatal(err)
		}
		part.Write(file)
	}
	form.Close()
	return written.String(), form.FormDataContentType()
}

// TestAvatarsAreAtTheAddressThatPeopleUse: it is stored, so that a wrong one stays wrong.
func TestAvatarsAreAtTheAddressThatPeopleUse(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.TrustedProxies = loopback })
	token := h.login(t, "alice")
	for _, c := range []struct{ how, from, proto, want string }{
		{"a trusted proxy that came by https", "127.0.0.1:1", "https", "https://keeper.example/avatar/"},
		{"a trusted proxy that came by http", "127.0.0.1:1", "http", "http://keeper.example/avatar/"},
		{"a proxy nobody named", "203.0.113.9:1", "https", "http://keeper.example/avatar/"},
	} {
		body, mediaType := multipartOf(t, token, "x.png", pngOf(20, 10))
		got := ask(t, h.Server, request{
			method: "POST", path: "http://keeper.example/avatar/", kind: mediaType, body: body, from: c.from,
			header: map[string]string{"X-Forwarded-Proto": c.proto},
		})
		var data avatarReply
		if got.data(t, &data); !strings.HasPrefix(data.AvatarURL, c.want) {
			t.Errorf("%s: %s, want %s", c.how, data.AvatarURL, c.want)
		}
	}
}

func TestProfiles(t *testing.T) {
	o := newOffice(t)
	visitor := o.phone(t, sandbox.Person{Nickname: "小明"})
	if err := visitor.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	token := `"token":"` + visitor.Token() + `"`
	for name, test := range map[string]struct {
		body       string
		http, code int
		holds      string
	}{
		"as wx.getUserInfo gives it": {`{` + token + `,"nickName":"小红","gender":1,"avatarUrl":"https://wx.qlogo.cn/x/0"}`, 200, 0, `"gender":1`},
		"nothing":                    {`{` + token + `}`, 400, 1, ""},
		"a list":                     {`{` + token + `,"nickName":[]}`, 400, 5, ""},
		"a number for a name":        {`{` + token + `,"nickName":5}`, 400, 5, ""},
		"a fraction":                 {`{` + token + `,"gender":1.5}`, 400, 5, ""},
		"temporary path":             {`{` + token + `,"avatarUrl":"wxfile://tmp_1.jpg"}`, 400, 5, "/avatar/"},
		"stranger":                   {`{"token":"nobody","nickName":"x"}`, 401, 2, ""},
	} {
		if got := o.send(t, "/profile/", jsonType, test.body); got.HTTP != test.http || got.Code != test.code || !strings.Contains(got.Body, test.holds) {
			t.Errorf("%s: HTTP %d %s", name, got.HTTP, got.Body)
		}
	}
}

func TestReports(t *testing.T) {
	o := newOffice(t, func(*DashboardOptions) {})
	for body, code := range map[string]int{
		`{"api":"getPhoneNumber","errno":1400001,"errMsg":"no quota"}`: 0,
		`{"api":"getPhoneNumber"}`:                                     0,
		`{"errno":1}`:                                                  1,
		`{"api":"<script>"}`:                                           5,
		`{"api":"request","errno":"x"}`:                                5,
		`{"api":"request","token":"nobody"}`:                           0,
	} {
		if got := o.send(t, "/report/", jsonType, body); got.Code != code {
			t.Errorf("%s: %s", body, got.Body)
		}
	}
}

func TestReportsAreLimited(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.APIRate = 300 })
	for range reportsPerMinute {
		if got := ask(t, h.Server, request{method: "POST", path: "/report/", kind: "json", body: `{"api":"login"}`}); got.Code != 0 {
			t.Fatal(got.Body)
		}
	}
	got := ask(t, h.Server, request{method: "POST", path: "/report/", kind: "json", body: `{"api":"login"}`})
	wantLimited(t, h.Server, got, app.LimitReports)
}

// TestUploadsAreLimited: one address has a few at a time.
func TestUploadsAreLimited(t *testing.T) {
	h := newHouse(t)
	sent := request{method: "POST", path: "/avatar/", kind: "multipart/form-data; boundary=x", body: "--x--\r\n", from: "203.0.113.9:1"}
	var last *upload
	for range uploadsOfAddress {
		last = sending(t, h.Server, "203.0.113.9", 0, func() {})
	}
	wantLimited(t, h.Server, ask(t, h.Server, sent), app.LimitUploads)
	last.end()
	wantFailure(t, ask(t, h.Server, sent), app.MissingParameter)
}

// sending is an upload of which so many bytes have come.
func sending(t *testing.T, s *Server, address string, bytes int, stop func()) *upload {
	t.Helper()
	one, begun := s.uploads.begin(address, stop)
	if !begun || !one.hold(bytes) {
		t.Fatalf("%s may not send", address)
	}
	return one
}

func (u *uploads) held() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.bytes
}

// TestSlowUploadsHoldNobodyUp: strangers who send a little, or much and then nothing more, are as many as they like; the bytes of all of
// them stay bounded.
func TestSlowUploadsHoldNobodyUp(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.TrustedProxies = loopback })
	server := httptest.NewServer(h.Handler())
	t.Cleanup(server.Close)
	token := h.login(t, "alice")
	honest := func() answer {
		body, mediaType := multipartOf(t, token, "x.png", pngOf(20, 10))
		return ask(t, h.Server, request{method: "POST", path: "/avatar/", kind: mediaType, body: body})
	}
	var first *bufio.Reader
	for stranger := range 40 {
		connection := dial(t, server.Listener.Addr().String())
		fmt.Fprintf(connection, "POST /avatar/ HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n"+
			"X-Forwarded-For: 203.0.113.%d\r\nExpect: 100-continue\r\n\r\n-", stranger/uploadsOfAddress)
		answered := bufio.NewReader(connection)
		if line, err := answered.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") { // its body is being read
			t.Fatalf("%q %v", line, err)
		}
		if first == nil {
			_, _ = answered.ReadString('\n')
			first = answered
		}
	}
	if got := honest(); got.Code != 0 {
		t.Fatalf("beside slow senders: %s", got.Body)
	}
	for h.uploads.held()+uploadBytes <= uploadsBytes {
		sending(t, h.Server, fmt.Sprintf("198.51.100.%d", h.uploads.held()>>20), uploadBytes, func() {})
	}
	sending(t, h.Server, "198.51.100.200", uploadBytes, func() {})
	if got := honest(); got.Code != 0 || h.uploads.held() > uploadsBytes {
		t.Errorf("beside those who sent much, %d bytes in all: %s", h.uploads.held(), got.Body)
	}
	got, err := http.ReadResponse(first, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Body.Close(); got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") == "" {
		t.Errorf("who began first: HTTP %d %v", got.StatusCode, got.Header)
	}
}

// wantLimited wants an answer that says when to come again, and that it was counted once.
func wantLimited(t *testing.T, s *Server, got answer, limit app.Limit) {
	t.Helper()
	wantFailure(t, got, app.TooManyRequests)
	if got.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	for hit, n := range s.limits.Each() {
		if hit == limit && n != 1 {
			t.Errorf("%s was counted %d times", limit, n)
		}
	}
}
