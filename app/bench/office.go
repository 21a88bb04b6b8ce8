package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// office is an operator's browser that has signed in.
type office struct{ cookie string } // the header with all its cookies

// signIn signs the operator in, once a run.
func (b *bench) signIn(ctx context.Context) error {
	if b.office.cookie != "" {
		return nil
	}
	form := url.Values{"name": {b.ground.Operator}, "password": {b.ground.Password.Reveal()}, "next": {"/admin/"}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.server.url("/admin/login"), strings.NewReader(form))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var cookies []string
	for _, cookie := range response.Cookies() {
		if cookie.Value != "" {
			cookies = append(cookies, cookie.Name+"="+cookie.Value)
		}
	}
	b.office.cookie = strings.Join(cookies, "; ")
	if response.StatusCode != http.StatusSeeOther || b.office.cookie == "" {
		return fmt.Errorf("the operator cannot sign in: status %d", response.StatusCode)
	}
	return nil
}

func (t *target) url(path string) string { return "http://" + t.process.address + path }

// get is the bytes of the request for a page.
func (o office) get(path string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\nCookie: " + o.cookie + "\r\n\r\n")
}

const usersPath = "/admin/users"

// look asks for a page of users and checks that it is one, and holds users where it must.
func (o office) look(c *connection, query string, somebody bool) error {
	got, err := c.exchange(o.get(usersPath + "?" + query))
	if err == nil {
		err = wantStatus(got, http.StatusOK)
	}
	switch {
	case err != nil:
		return err
	case !bytes.HasSuffix(bytes.TrimSpace(got.body), []byte("</html>")):
		return wrongBody{"a page that ends early: " + query}
	case somebody && !holdsUser(got.body):
		return wrongBody{"a page without users: " + query}
	}
	return nil
}

// holdsUser says whether a page leads to somebody: user numbers begin with no letter.
func holdsUser(page []byte) bool {
	for rest, found := page, true; ; {
		if _, rest, found = bytes.Cut(rest, []byte(`href="`+usersPath+"/")); !found {
			return false
		}
		if len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' {
			return true
		}
	}
}

// listing is a way to list users.
type listing struct {
	name     string
	query    string
	at       func(Person) string // the cursor of somebody's place in the listing; nil: pages one after the other
	somebody bool                // there are users on each of its pages, whatever the load has changed
}

// listings are all orders and filters.
func listings(now time.Time) []listing {
	ago := func(days int) string { return now.AddDate(0, 0, -days).Format(time.DateOnly) }
	bySeen := func(p Person) string { return cursor("seen", p.SeenAt.UnixMilli(), int64(p.ID)+1) }
	byID := func(p Person) string { return cursor("first", int64(p.ID)+1) }
	return []listing{
		{name: "last seen first", at: bySeen},
		{name: "newest first", query: "order=first_seen", at: byID, somebody: true},
		{name: "key new", query: "state=new"},
		{name: "key confirmed", query: "state=confirmed"},
		{name: "key aging", query: "state=aging"},
		{name: "key suspect", query: "state=suspect"},
		{name: "key dead", query: "state=dead"},
		{name: "seen in days", query: "seen_from=" + ago(20) + "&seen_to=" + ago(10)},
		{name: "new in days", query: "order=first_seen&new_from=" + ago(200) + "&new_to=" + ago(100), somebody: true},
		{name: "version", query: "version=132"},
		{name: "device", query: "device=harmony"},
		{name: "disabled", query: "disabled=1"},
		{name: "version and device, newest first", query: "order=first_seen&version=121&device=ios"},
	}
}

// cursor is one as the server gives it: a position in a listing.
func cursor(name string, values ...int64) string {
	for _, one := range values {
		name += "." + strconv.FormatInt(one, 36)
	}
	return name
}

// pagesOf are the queries of a listing's pages that are asked for: at the places of anybody, or those that lead on from the first page.
func (b *bench) pagesOf(l listing) ([]string, error) {
	const most = 100
	queries := []string{l.query}
	if l.at != nil {
		for range most {
			queries = append(queries, l.query+"&cursor="+l.at(b.server.somebody()))
		}
		return queries, nil
	}
	connection := dial(b.server.process.address, time.Now().Add(patience))
	defer connection.close()
	for len(queries) < most {
		got, err := connection.exchange(b.office.get(usersPath + "?" + queries[len(queries)-1]))
		if err != nil {
			return nil, err
		}
		cursor := nextCursor(got.body)
		if cursor == "" {
			break
		}
		queries = append(queries, l.query+"&cursor="+url.QueryEscape(cursor))
	}
	return queries, nil
}

// nextCursor finds where a page of users leads on, "" where it is the last: the only cursor that it names.
func nextCursor(page []byte) string {
	_, rest, found := bytes.Cut(page, []byte("cursor="))
	if !found {
		return ""
	}
	end := bytes.IndexAny(rest, `"&`)
	if end < 0 {
		return ""
	}
	cursor, err := url.QueryUnescape(html.UnescapeString(string(rest[:end])))
	if err != nil {
		return ""
	}
	return cursor
}

// pages looks at all listings, one page at a time, then at all of them at once.
func (b *bench) pages(ctx context.Context) error {
	if err := b.signIn(ctx); err != nil {
		return err
	}
	var all []step
	worst := 0.0
	for _, one := range listings(time.Now()) {
		queries, err := b.pagesOf(one)
		if err != nil {
			return err
		}
		look := b.looking(queries, one.somebody)
		all = append(all, look)
		m, err := b.inTurn(ctx, fixed("page: "+one.name, look), load{clients: 1, lasts: b.options.Lasts / 4}, b.server)
		if err != nil {
			return err
		}
		worst = max(worst, m[0].P99)
	}
	b.report.atMost("pages: the worst p99 of a listing, one page at a time", worst, 8, "ms")
	_, err := b.inTurn(ctx, fixed("pages", anyOf(all)), b.load(), b.server)
	return err
}

func (b *bench) looking(queries []string, somebody bool) step {
	return func(c *connection) error { return b.office.look(c, queries[rand.IntN(len(queries))], somebody) }
}

// fixed is a scenario whose clients all do the same.
func fixed(name string, do step) scenario {
	return scenario{name: name, steps: func(_ *bench, _ *target, clients, _ int) ([]step, error) { return same(clients, do), nil }}
}

func anyOf(steps []step) step {
	return func(c *connection) error { return steps[rand.IntN(len(steps))](c) }
}

// search looks for nicknames by parts of one, two, three and five characters: common ones, rare ones, and some that nobody has.
func (b *bench) search(ctx context.Context) error {
	if err := b.signIn(ctx); err != nil {
		return err
	}
	worst, longest := 0.0, 0.0
	for _, one := range b.wordsToFind() {
		name := fmt.Sprintf("search: %d, %s", one.length, one.how)
		m, err := b.inTurn(ctx, fixed(name, b.finding(one)), load{clients: 1, lasts: b.options.Lasts / 4}, b.server)
		if err != nil {
			return err
		}
		worst, longest = max(worst, m[0].P99), max(longest, m[0].Max)
	}
	b.report.atMost("search: the worst p99 of a kind, one at a time", worst, 20, "ms")
	b.report.atMost("search: the longest", longest, 200, "ms")
	return nil
}

// wordsToFind leaves out those with sessions, whose nicknames change.
func (b *bench) wordsToFind() []words { return wordsFrom(plainNicknames(b.server.others())) }

func (b *bench) finding(w words) step {
	return b.looking(inQueries(w.texts), w.how != absent)
}

func inQueries(texts []string) []string {
	var queries []string
	for _, one := range texts {
		queries = append(queries, url.Values{"q": {one}}.Encode())
	}
	return queries
}

// dashboardLoad is what one busy office does beside: a page a second, ten searches a second, exports one after the other, a backup.
func (b *bench) dashboardLoad(ctx context.Context) (stop func() error, err error) {
	if err := b.signIn(ctx); err != nil {
		return nil, err
	}
	var searches []step
	for _, one := range b.wordsToFind() {
		searches = append(searches, b.finding(one))
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 4)
	address := b.server.process.address
	go func() { ended <- open(ctx, address, same(8, anyOf(searches)), untilStopped, 10).first }()
	go func() { ended <- open(ctx, address, same(4, b.anyListing()), untilStopped, 1).first }()
	go func() { ended <- b.export(ctx) }()
	go func() { ended <- b.backUp(ctx) }()
	return func() error {
		cancel()
		return errors.Join(<-ended, <-ended, <-ended, <-ended)
	}, nil
}

// untilStopped is longer than any load lasts that something else goes on beside.
const untilStopped = 24 * time.Hour

// anyListing looks at the first page of one listing or another.
func (b *bench) anyListing() step {
	var looks []step
	for _, one := range listings(time.Now()) {
		looks = append(looks, b.looking([]string{one.query}, false))
	}
	return anyOf(looks)
}

// backUp takes one backup beside the server, as an operator does, unless the context ends before.
func (b *bench) backUp(ctx context.Context) error {
	folder, err := os.MkdirTemp(b.ground.Logs, "backups-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	command := exec.CommandContext(ctx, b.options.Program, "backup", folder)
	command.Env = append(foreignVars(), b.serverVars()...)
	said, err := command.CombinedOutput()
	if err == nil || ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("backup: %w: %s", err, said)
}

// export reads all users as a file, again and again until the context ends.
func (b *bench) export(ctx context.Context) error {
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.server.url(usersPath+".csv"), nil)
		if err != nil {
			return err
		}
		request.Header.Set("Cookie", b.office.cookie)
		response, err := http.DefaultTransport.RoundTrip(request)
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			if err == nil && response.StatusCode != http.StatusOK {
				err = fmt.Errorf("export: status %d", response.StatusCode)
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
