package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
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

// TestUploadsAreLimited: their bodies and what is decoded of them take memory.
func TestUploadsAreLimited(t *testing.T) {
	h := newHouse(t)
	upload := request{method: "POST", path: "/avatar/", kind: "multipart/form-data; boundary=x", body: "--x--\r\n", from: "203.0.113.9:1"}
	slow := func(address string) func() {
		t.Helper()
		release, taken := h.uploads.take(address)
		if !taken {
			t.Fatalf("%s has no slot", address)
		}
		return release
	}
	var end func()
	for range uploadsOfAddress {
		end = slow("203.0.113.9")
	}
	wantLimited(t, h.Server, ask(t, h.Server, upload), app.LimitUploads)
	end()
	wantFailure(t, ask(t, h.Server, upload), app.MissingParameter)
	for other := range uploadsAtOnce - uploadsOfAddress + 1 {
		end = slow(fmt.Sprintf("198.51.100.%d", other))
	}
	if got := ask(t, h.Server, upload); got.Code != 6 {
		t.Errorf("one more than all: %s", got.Body)
	}
	end()
	wantFailure(t, ask(t, h.Server, upload), app.MissingParameter)
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
