package outgoing_test

import (
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"wxkeeper/app"
	"wxkeeper/app/outgoing"
)

func client(t *testing.T, options outgoing.Options) *outgoing.Client {
	t.Helper()
	c := outgoing.New(options)
	t.Cleanup(c.Close)
	return c
}

func parsed(t *testing.T, text string) *url.URL {
	t.Helper()
	address, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func TestAddressesThatAreRefused(t *testing.T) {
	strict, private := client(t, outgoing.Options{}), client(t, outgoing.Options{Private: true})
	for text, may := range map[string]struct{ strict, private bool }{
		"https://hooks.example.com/a?b=c":                  {true, true},
		"https://8.8.8.8:8443/":                            {true, true},
		"https://[2606:4700::1111]/":                       {true, true},
		"http://backend.internal:8080/":                    {false, true}, // where it leads is seen when it is dialled
		"http://10.0.0.5:8080/":                            {false, true},
		"https://10.0.0.5/":                                {false, true},
		"https://127.0.0.1/":                               {false, true},
		"https://[::1]/":                                   {false, true},
		"https://[::ffff:192.168.1.1]/":                    {false, true},
		"https://[fd00::1]/":                               {false, true},
		"http://8.8.8.8/":                                  {false, false},
		"https://169.254.169.254/":                         {false, false},
		"http://[fe80::1]/":                                {false, false},
		"https://100.100.100.200/":                         {false, false},
		"https://0.0.0.0/":                                 {false, false},
		"https://[::]/":                                    {false, false},
		"https://[64:ff9b::7f00:1]/":                       {false, false},
		"https://[2002:7f00:1::]/":                         {false, false},
		"https://198.18.0.1/":                              {false, false},
		"https://224.0.0.1/":                               {false, false},
		"https://255.255.255.255/":                         {false, false},
		"https://user:pass@example.com/":                   {false, false},
		"https://example.com/#part":                        {false, false},
		"ftp://example.com/":                               {false, false},
		"https:///path":                                    {false, false},
		"example.com/a":                                    {false, false},
		"":                                                 {false, false},
		"https://example.com/" + strings.Repeat("x", 2000): {false, false},
	} {
		for c, want := range map[*outgoing.Client]bool{strict: may.strict, private: may.private} {
			if _, err := c.ParseURL(app.Secret(text)); (err == nil) != want {
				t.Errorf("%.60s, private %v: %v", text, c == private, err)
			} else if err != nil && app.KindOf(err) != app.Malformed {
				t.Errorf("%.60s: %v", text, err)
			}
		}
	}
}

// Each address here is dialled, whatever its name said before: what is not public is not connected to.
func TestWhatIsDialledIsLookedAt(t *testing.T) {
	reached := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	t.Cleanup(server.Close)
	secure := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	t.Cleanup(secure.Close)
	port := func(of string) string { return netip.MustParseAddrPort(parsed(t, of).Host).String() }
	_, plainPort, _ := net.SplitHostPort(port(server.URL))
	_, securePort, _ := net.SplitHostPort(port(secure.URL))
	strict := client(t, outgoing.Options{})
	for _, address := range []string{
		"https://localhost:" + securePort, "https://127.0.0.1:" + securePort, "http://localhost:" + plainPort, server.URL,
	} {
		_, err := strict.Post(t.Context(), parsed(t, address), nil, []byte("secret-body"))
		if problem := problemOf(t, err); problem != outgoing.ProblemForbidden {
			t.Errorf("%s: %s", address, problem)
		}
	}
	if reached > 0 {
		t.Fatalf("%d calls came through", reached)
	}
	private := client(t, outgoing.Options{Private: true, Roots: pool(secure)})
	for _, address := range []string{"http://localhost:" + plainPort, server.URL, secure.URL} {
		if answer, err := private.Post(t.Context(), parsed(t, address), nil, nil); err != nil || answer.Status != http.StatusOK {
			t.Errorf("%s: %+v %v", address, answer, err)
		}
	}
	if reached != 3 {
		t.Errorf("%d calls came through", reached)
	}
}

func pool(server *httptest.Server) *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return roots
}

func problemOf(t *testing.T, err error) outgoing.Problem {
	t.Helper()
	var failure *outgoing.Error
	if !errors.As(err, &failure) {
		t.Fatalf("%v is no failure of a call", err)
	}
	return failure.Problem
}

func TestAnswers(t *testing.T) {
	elsewhere := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/echo":
			w.WriteHeader(http.StatusTeapot)
			io.WriteString(w, r.Header.Get("Webhook-Id")+" "+string(body)+" "+r.Header.Get("User-Agent"))
		case "/redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case "/elsewhere":
			elsewhere++
		case "/large":
			w.Write(make([]byte, 64<<10+1))
		case "/broken":
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(server.Close)
	c := client(t, outgoing.Options{Private: true})
	answer, err := c.Post(t.Context(), parsed(t, server.URL+"/echo"), http.Header{"Webhook-Id": {"1"}}, []byte("hello"))
	if err != nil || answer.Status != http.StatusTeapot || string(answer.Body) != "1 hello wxkeeper" || answer.Took <= 0 {
		t.Errorf("%+v %v", answer, err)
	}
	for path, want := range map[string]outgoing.Problem{
		"/redirect?key=planted-secret": outgoing.ProblemRedirect,
		"/large?key=planted-secret":    outgoing.ProblemTooLarge,
		"/broken?key=planted-secret":   outgoing.ProblemReset,
	} {
		_, err := c.Post(t.Context(), parsed(t, server.URL+path), nil, nil)
		if got := problemOf(t, err); got != want || strings.Contains(err.Error(), "planted") || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if elsewhere > 0 {
		t.Error("a redirect was followed")
	}
	server.Close()
	fresh := client(t, outgoing.Options{Private: true}) // c may not have noticed yet that its connection is gone
	if _, err := fresh.Post(t.Context(), parsed(t, server.URL), nil, nil); problemOf(t, err) != outgoing.ProblemRefused {
		t.Errorf("nobody there: %v", err)
	}
}
