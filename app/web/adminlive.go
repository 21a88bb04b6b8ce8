package web

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"wxkeeper/app"
	"wxkeeper/app/meter"
	"wxkeeper/app/overview"
	"wxkeeper/views"
)

const (
	streamsPerOperator = 3
	streamBeat         = 15 * time.Second // keeps proxies from ending a quiet stream, and finds out who has been signed out
	streamWrite        = 10 * time.Second // how long a browser may take to read
	streamResumed      = 200              // events told again to a browser that was away
)

// liveEvents tells of events as they are stored, until the browser goes, the operator is signed out, or the server stops: then the
// browser comes back by itself, and is told what it has missed.
func (d *Dashboard) liveEvents(v *visit) error {
	if !d.streams.begin(v.operator.ID) {
		return app.Fail(app.TooManyRequests, "")
	}
	defer d.streams.end(v.operator.ID)
	ctx, leave := context.WithCancel(v.context())
	defer leave()
	batches, err := d.Feed.Subscribe(ctx)
	if err != nil {
		return err
	}
	stream := d.openStream(v)
	if err := stream.resume(ctx, v.Request().Header.Get("Last-Event-ID")); err != nil {
		return stream.broken(err)
	}
	beat := time.NewTicker(d.streamBeat)
	defer beat.Stop()
	for {
		var tell func() error
		select {
		case batch, open := <-batches:
			if !open {
				return nil
			}
			tell = func() error { return stream.tell(ctx, batch) }
		case <-beat.C:
			tell = func() error { return stream.write(": \n\n") }
		}
		if _, gone := d.Accounts.Peek(ctx, v.session.cookie); gone != nil {
			return stream.end(app.KindOf(gone) == app.InvalidToken)
		}
		err = tell()
		if err != nil {
			return stream.broken(err)
		}
	}
}

// stream is one browser that watches events.
type stream struct {
	visit      *visit
	connection *http.ResponseController
	last       app.EventID // told
}

// openStream begins the answer. Its connection lives longer than the server grants others, as long as it is read from.
func (d *Dashboard) openStream(v *visit) *stream {
	s := &stream{visit: v, connection: http.NewResponseController(v.Response().Writer)}
	_ = s.connection.SetReadDeadline(time.Time{}) // a connection without deadlines, as in tests, has none to move
	header := v.Response().Header()
	header.Set(echo.HeaderContentType, "text/event-stream")
	header.Set("X-Accel-Buffering", "no") // of nginx
	v.Response().WriteHeader(http.StatusOK)
	v.Response().Flush()
	return s
}

// broken ends a stream that has begun: whatever the failure, there is nobody to tell. One of ours is logged.
func (s *stream) broken(err error) error {
	if s.visit.context().Err() == nil {
		s.visit.dashboard.logFailure(s.visit.Context, err, http.StatusOK)
	}
	return nil
}

// end ends the stream, for good if the browser is not to come back.
func (s *stream) end(forGood bool) error {
	if forGood {
		_ = s.write("event: end\ndata: end\n\n")
	}
	return nil
}

// resume tells what was stored since the browser was told something, if it was.
func (s *stream) resume(ctx context.Context, lastTold string) error {
	after, err := strconv.ParseInt(lastTold, 10, 64)
	if err != nil || after <= 0 {
		return nil
	}
	d := s.visit.dashboard
	events, err := d.Store.Read().EventsSince(ctx, d.Keeper.AppID(), app.EventID(after), streamResumed)
	if err != nil {
		return err
	}
	return s.tell(ctx, overview.Batch{Events: events})
}

// tell writes a row for each event that was not told yet.
func (s *stream) tell(ctx context.Context, batch overview.Batch) error {
	var text bytes.Buffer
	frame := s.frame()
	if batch.Lost > 0 {
		if err := row(ctx, &text, 0, frame.LiveGap(batch.Lost)); err != nil {
			return err
		}
	}
	users, err := s.visit.dashboard.eventUsers(ctx, batch.Events)
	if err != nil {
		return err
	}
	for _, event := range batch.Events {
		if event.ID <= s.last {
			continue
		}
		s.last = event.ID
		if err := row(ctx, &text, event.ID, frame.LiveEvent(event, users[event.UserID])); err != nil {
			return err
		}
	}
	return s.write(text.String())
}

// frame is what rows are rendered with: the time goes on while the stream lasts.
func (s *stream) frame() views.Frame {
	d := s.visit.dashboard
	return views.Frame{Text: s.visit.text, Now: d.Clock(), Location: d.Location}
}

// row writes one message of the stream. Its id is what a browser that comes back names.
func row(ctx context.Context, text *bytes.Buffer, id app.EventID, shown templ.Component) error {
	var markup bytes.Buffer
	if err := shown.Render(ctx, &markup); err != nil {
		return err
	}
	if id != 0 {
		text.WriteString("id: " + strconv.FormatInt(int64(id), 10) + "\n")
	}
	text.WriteString("event: row\n")
	for line := range strings.FieldsFuncSeq(markup.String(), func(r rune) bool { return r == '\n' || r == '\r' }) {
		text.WriteString("data: " + line + "\n")
	}
	text.WriteString("\n")
	return nil
}

// write sends text at once.
func (s *stream) write(text string) error {
	if text == "" {
		return nil
	}
	_ = s.connection.SetWriteDeadline(time.Now().Add(streamWrite))
	if _, err := s.visit.Response().Write([]byte(text)); err != nil {
		return err
	}
	return s.connection.Flush()
}

// streams counts the streams of each operator.
type streams struct {
	limits *meter.Tally[app.Limit]
	lock   sync.Mutex
	open   map[app.OperatorID]int
}

func (s *streams) begin(who app.OperatorID) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.open[who] >= streamsPerOperator {
		s.limits.Add(app.LimitStreams, 1)
		return false
	}
	s.open[who]++
	return true
}

func (s *streams) end(who app.OperatorID) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.open[who]--; s.open[who] == 0 {
		delete(s.open, who)
	}
}
