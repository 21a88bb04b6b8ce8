// Package metrics tells Prometheus how the server fares. It alone knows Prometheus: the rooms below count for themselves, and are
// asked when somebody asks here. Every label has values that this program chose, or is one of app.AppsAtMost appids; none grows with users
// or with what strangers say.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"wxkeeper/app"
	"wxkeeper/app/backend"
	"wxkeeper/app/meter"
	"wxkeeper/app/operator"
	"wxkeeper/app/web"
	"wxkeeper/db"
)

// Options is whom the metrics are asked of.
type Options struct {
	Version  string
	Store    *db.DB
	Site     *web.Site
	Accounts *operator.Accounts
	BackEnds *backend.Register
	Jobs     func(now time.Time) []app.JobRun
	Backups  bool   // are taken by themselves
	Folder   string // where the data is
	Clock    func() time.Time
	Log      *slog.Logger
}

const (
	path         = "/metrics"
	readTime     = 5 * time.Second // for everything that is read from the database
	askersAtOnce = 3
)

// Handler answers at /metrics and nowhere else.
func Handler(options Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+path, promhttp.HandlerFor(registry(options), promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: askersAtOnce,
	}))
	return mux
}

func registry(options Options) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{options},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// collector asks everybody each time it is asked.
type collector struct{ Options }

// Describe tells the metrics there may be.
func (c collector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, one := range all {
		descriptions <- one.description
	}
}

// Collect tells the metrics. A part that cannot be read is left out; the log says why.
func (c collector) Collect(told chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	t := teller{told, c.Clock()}
	c.tellProcess(t)
	for _, served := range c.Site.Served() {
		c.tellEvents(t, served)
		tellLimits(t, string(served.Keeper.Appid()), served.Keeper.LimitHits(), served.WeChat.LimitHits(), served.Pages.LimitHits())
		tellAPI(t, served)
		tellWeChat(t, served)
	}
	c.tellWriter(t)
	c.tellOperators(t)
	c.tellJobs(t)
	unread := 0
	for _, part := range []func(context.Context, teller) error{
		c.tellPopulations, c.tellWebhooks, c.tellDatabase, c.tellOperatorSessions, c.tellBackups, c.tellAudit,
	} {
		if err := part(ctx, t); err != nil {
			unread++
			c.Log.Warn("some metrics cannot be read", "error", err)
		}
	}
	t.value(partsUnread, float64(unread))
}

// metric is one metric as it is described. Its labels come in the order of its description.
type metric struct {
	name        string
	kind        prometheus.ValueType // not of a histogram
	description *prometheus.Desc
}

func describe(kind prometheus.ValueType, name, help string, labels []string) metric {
	return metric{name, kind, prometheus.NewDesc(name, help, labels, nil)}
}

func counter(name, help string, labels ...string) metric {
	return describe(prometheus.CounterValue, name, help, labels)
}

func gauge(name, help string, labels ...string) metric {
	return describe(prometheus.GaugeValue, name, help, labels)
}

func histogram(name, help string, labels ...string) metric {
	return describe(prometheus.UntypedValue, name, help, labels)
}

// teller tells metrics of one moment.
type teller struct {
	told chan<- prometheus.Metric
	now  time.Time
}

func (t teller) value(m metric, value float64, labels ...string) {
	t.told <- prometheus.MustNewConstMetric(m.description, m.kind, value, labels...)
}

// yes tells 1 for true and 0 for false.
func (t teller) yes(m metric, is bool, labels ...string) {
	value := 0.0
	if is {
		value = 1
	}
	t.value(m, value, labels...)
}

// time tells a time, but not one that never was.
func (t teller) time(m metric, at time.Time, labels ...string) {
	if !at.IsZero() {
		t.value(m, float64(at.UnixMilli())/1000, labels...)
	}
}

// spread tells a histogram whose values are so many to one of the metric's unit.
func (t teller) spread(m metric, d meter.Distribution, unit float64, labels ...string) {
	steps := make(map[float64]uint64, len(d.Bounds))
	for i, bound := range d.Bounds {
		steps[float64(bound)/unit] = d.UpTo[i]
	}
	t.told <- prometheus.MustNewConstHistogram(m.description, d.Count, float64(d.Sum)/unit, steps, labels...)
}

// second is how many nanoseconds a second has.
const second = float64(time.Second)

// known leaves out what is not there.
func known(err error) error {
	if app.KindOf(err) == app.NotFound {
		return nil
	}
	return err
}
