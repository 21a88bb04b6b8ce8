package web

import (
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"wxkeeper/app"
	"wxkeeper/app/meter"
)

// Endpoint is what was counted at one path of the API.
type Endpoint struct {
	Path  string
	Codes *meter.Tally[int] // of the answers, by the code in their body; 0: good
	Times *meter.Histogram  // ns until the answer was ready, the time in which WeChat and the disk were awaited included
}

// answerTimes are where the steps end by which the time of answers is told apart.
var answerTimes = []int64{
	int64(time.Millisecond), int64(2500 * time.Microsecond), int64(5 * time.Millisecond), int64(10 * time.Millisecond),
	int64(25 * time.Millisecond), int64(50 * time.Millisecond), int64(100 * time.Millisecond), int64(250 * time.Millisecond),
	int64(500 * time.Millisecond), int64(time.Second), int64(2500 * time.Millisecond), int64(5 * time.Second),
	int64(10 * time.Second),
}

// wireCodes lists the codes of the contract, 0 for a good answer first.
func wireCodes() []int {
	codes := map[int]bool{0: true}
	for _, failure := range wireFailures {
		codes[failure.code] = true
	}
	return slices.Sorted(maps.Keys(codes))
}

// endpoint is what counts at a path. It is made while routes are, before anything is served.
func (s *Server) endpoint(path string) *Endpoint {
	if s.endpoints[path] == nil {
		s.endpoints[path] = &Endpoint{path, meter.NewTally(wireCodes()...), meter.NewHistogram(answerTimes...)}
	}
	return s.endpoints[path]
}

// counted counts the answers of a handler.
func (e *Endpoint) counted(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		err := next(c)
		code := 0
		if err != nil {
			code = wireFailures[failureOf(err).Kind].code
		}
		e.Codes.Add(code, 1)
		e.Times.Observe(int64(time.Since(began)))
		return err
	}
}

// Endpoints gives what was counted at each path of the API since the start.
func (s *Server) Endpoints() iter.Seq[*Endpoint] { return maps.Values(s.endpoints) }

// LimitHits counts how often a limit was hit that all apps share.
func (s *Site) LimitHits() *meter.Tally[app.Limit] { return s.bounds.limits }

// LimitHits counts how often a limit of the dashboard was hit.
func (d *Dashboard) LimitHits() *meter.Tally[app.Limit] { return d.streams.limits }
