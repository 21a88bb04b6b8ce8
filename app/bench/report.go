package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"
)

// Measurement is what was measured of one target in all rounds of a scenario. Times are in milliseconds.
type Measurement struct {
	Scenario  string    `json:"scenario"`
	Target    string    `json:"target"`
	Users     int       `json:"users"`
	Sessions  int       `json:"sessions"`
	Clients   int       `json:"clients"`
	Offered   float64   `json:"offered,omitempty"` // requests a second in an open loop
	Requests  uint64    `json:"requests"`          // answered, and rightly
	PerSecond float64   `json:"per_second"`        // median of the rounds
	Rounds    []float64 `json:"rounds"`            // each one's requests a second
	P50       float64   `json:"p50_ms"`
	P95       float64   `json:"p95_ms"`
	P99       float64   `json:"p99_ms"`
	Max       float64   `json:"max_ms"`
	Errors    int       `json:"errors"`
	Wrong     int       `json:"wrong_bodies"`
	First     string    `json:"first_failure,omitempty"`

	CPUSeconds *float64 `json:"cpu_seconds,omitempty"`      // of the server; nil: not measured here
	LoadCPU    *float64 `json:"load_cpu_seconds,omitempty"` // of the clients and of WeChat's stand-in; nil: not measured here
	RSS        *int64   `json:"rss_bytes,omitempty"`        // the most the server held; nil: not measured here
	Database   int64    `json:"database_bytes"`             // all files in its folder

	// FlushesPerWrite is how many flushes of the disk an acknowledged write took; nil where nothing is written.
	FlushesPerWrite *float64 `json:"flushes_per_write,omitempty"`
}

func (b *bench) summary(s scenario, l load, t *target, rounds []round) Measurement {
	m := Measurement{
		Scenario: s.name, Target: t.name, Users: b.ground.Users, Sessions: len(t.phones), Clients: l.clients, Offered: l.perSecond,
		Database: bytesIn(t.folder),
	}
	var all tally
	var cpu, own time.Duration
	var rss int64
	var flushes int64
	known := true
	for _, one := range rounds {
		all.merge(one.tally)
		m.Rounds = append(m.Rounds, rounded(one.perSecond()))
		own += one.ownCPU
		cpu, rss, flushes = cpu+one.cpu, max(rss, one.rss), flushes+one.flushes
		known = known && one.known
	}
	m.PerSecond, m.Requests, m.Errors, m.Wrong = median(m.Rounds), all.latencies.count, all.errors, all.wrong
	m.P50, m.P95, m.P99 = inMS(all.latencies.percentile(50)), inMS(all.latencies.percentile(95)), inMS(all.latencies.percentile(99))
	m.Max = inMS(all.latencies.longest)
	if all.first != nil {
		m.First = all.first.Error()
	}
	if seconds, ownSeconds := toThree(cpu.Seconds()), toThree(own.Seconds()); known {
		m.CPUSeconds, m.LoadCPU, m.RSS = &seconds, &ownSeconds, &rss
	}
	if writes := s.writes * float64(m.Requests); writes > 0 && t.name != yardstickName+" nothing" {
		per := math.Round(float64(flushes)/writes*1e4) / 1e4
		m.FlushesPerWrite = &per
	}
	return m
}

func inMS(d time.Duration) float64 { return math.Round(float64(d.Microseconds())) / 1000 }

func rounded(value float64) float64 { return math.Round(value*10) / 10 }

// Goal is a goal beside what was measured.
type Goal struct {
	Goal   string  `json:"goal"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit,omitempty"`
	Wanted string  `json:"wanted"`
	Met    bool    `json:"met"`
}

// Machine is where was measured.
type Machine struct {
	System  string  `json:"system"`
	Cores   int     `json:"cores"`
	Go      string  `json:"go"`
	Version string  `json:"version"`
	FlushMS float64 `json:"flush_ms"` // what the disk needs to make 8 KB durable, before the load
	Users   int     `json:"users"`
}

// report gathers what is told at the end.
type report struct {
	machine  Machine
	measured []Measurement
	goals    []Goal
}

func (r *report) note(m Measurement) { r.measured = append(r.measured, m) }

// atLeast notes a goal that is met by so much or more.
func (r *report) atLeast(goal string, value, bound float64, unit string) {
	value = toThree(value)
	r.goals = append(r.goals, Goal{goal, value, unit, fmt.Sprintf("≥ %v", bound), value >= bound})
}

// atMost notes a goal that is met by so much or less.
func (r *report) atMost(goal string, value, bound float64, unit string) {
	value = toThree(value)
	r.goals = append(r.goals, Goal{goal, value, unit, fmt.Sprintf("≤ %v", bound), value <= bound})
}

func toThree(value float64) float64 { return math.Round(value*1000) / 1000 }

// lines writes everything as JSON, one line for each.
func (r *report) lines(out io.Writer) error {
	encoder := json.NewEncoder(out)
	if err := encoder.Encode(r.machine); err != nil {
		return err
	}
	for _, m := range r.measured {
		if err := encoder.Encode(m); err != nil {
			return err
		}
	}
	for _, g := range r.goals {
		if err := encoder.Encode(g); err != nil {
			return err
		}
	}
	return nil
}

// table writes everything for people.
func (r *report) table(out io.Writer) error {
	fmt.Fprintf(out, "wxkeeper %s, %s, %s, %d cores, %v ms a flush, %d users\n\n", r.machine.Version, r.machine.Go, r.machine.System,
		r.machine.Cores, r.machine.FlushMS, r.machine.Users)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SCENARIO\tTARGET\tCLIENTS\tREQ/S\tP50 MS\tP95\tP99\tMAX\tERRORS\tWRONG\tCPU S\tRSS MB\tFLUSHES/WRITE\tDB MB")
	for _, m := range r.measured {
		fmt.Fprintf(table, "%s\t%s\t%s\t%.0f\t%.2f\t%.2f\t%.2f\t%.1f\t%d\t%d\t%s\t%s\t%s\t%.1f\n", m.Scenario, m.Target, m.asked(), m.PerSecond,
			m.P50, m.P95, m.P99, m.Max, m.Errors, m.Wrong, number(m.CPUSeconds, 1), number(m.RSS, 1<<20), m.flushes(),
			float64(m.Database)/(1<<20))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, m := range r.measured {
		if m.First != "" {
			fmt.Fprintf(out, "%s, %s: %s\n", m.Scenario, m.Target, m.First)
		}
	}
	if len(r.goals) == 0 {
		return nil
	}
	fmt.Fprintln(table, "\nGOAL\tMEASURED\tWANTED\t")
	for _, g := range r.goals {
		verdict := "not met"
		if g.Met {
			verdict = "met"
		}
		fmt.Fprintf(table, "%s\t%v %s\t%s\t%s\n", g.Goal, g.Value, g.Unit, g.Wanted, verdict)
	}
	return table.Flush()
}

func (m Measurement) asked() string {
	if m.Offered > 0 {
		return fmt.Sprintf("%.0f/s", m.Offered)
	}
	return fmt.Sprint(m.Clients)
}

func (m Measurement) flushes() string {
	if m.FlushesPerWrite == nil {
		return "-"
	}
	return number(m.FlushesPerWrite, 1)
}

func number[N int64 | float64](value *N, unit float64) string {
	if value == nil {
		return "not measured"
	}
	return fmt.Sprintf("%.2f", float64(*value)/unit)
}
