package sample

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"wxkeeper/app"
)

// release is a version of the mini program that people get from a day on.
type release struct {
	version string
	age     time.Duration // before now
	spoils  float64       // times as many openings fail
}

// releases are those in use, the newest first. One of them collects data before it logs in, as happens.
var releases = []release{
	{"132", 2 * day, 1}, {"131", 8 * day, 1}, {"130", 15 * day, 5}, {"129", 24 * day, 1}, {"128", 40 * day, 1},
	{"126", 70 * day, 1}, {"121", 5000 * day, 1.5},
}

// ranOn finds the release that somebody runs who lags behind.
func ranOn(now, at time.Time, lag time.Duration) release {
	return releases[slices.IndexFunc(releases, func(r release) bool { return now.Sub(at.Add(-lag)) <= r.age })]
}

// kinds of devices, with their share of a hundred.
var kinds = []struct {
	share  float64
	client app.Client
	weChat []string
	models []string
}{
	{47, app.Client{Platform: app.PlatformAndroid}, words("8.0.49.2600 8.0.50.2701 8.0.50.2701 8.0.48.2580 8.0.42.2460"), words(`
		23127PN0CC 2211133C 24069RA21C M2012K11AC PJW110 PHM110 PGEM10 V2309A V2307A V2171A ALN-AL00 ALN-AL80 BRA-AL00 NOH-AN00
		ADA-AL00 SM-S9210 RMX3888 PEEM00 ANY-AN00 ELN-W09`)},
	{38, app.Client{Platform: app.PlatformIOS}, words("8.0.49 8.0.50 8.0.50 8.0.47 8.0.38"), words("iPhone iPhone iPhone iPhone iPad")},
	{10, app.Client{Platform: app.PlatformHarmony}, words("8.0.7.32 8.0.7.40"), []string{""}},
	{3, app.Client{Platform: app.PlatformWindows}, words("7.0.20.1781"), []string{""}},
	{1.6, app.Client{Platform: app.PlatformMac}, words("6.8.0"), []string{""}},
	{0.1, app.Client{Platform: app.PlatformDevtools}, words("8.0.5"), words("iPhone")},
	{0.3, app.Client{}, []string{""}, []string{""}}, // a back end that tells nothing about its clients
}

// device is what somebody uses.
type device struct {
	client *app.Client // shared by all devices of its kind
	lag    time.Duration
	host   uint16 // of the address
	trial  bool   // runs the trial version
	bad    bool   // runs the bad release
}

// clients are all the devices there may be.
type clients struct {
	ofKind [][]*app.Client
}

func newClients(appid app.Appid) clients {
	var all clients
	for _, kind := range kinds {
		var some []*app.Client
		for _, model := range kind.models {
			for _, weChat := range kind.weChat {
				client := kind.client
				client.Model, client.WeChatVersion = model, weChat
				if client.Platform != app.PlatformUnknown {
					client.Appid = appid
				}
				some = append(some, &client)
			}
		}
		all.ofKind = append(all.ofKind, some)
	}
	return all
}

func (c clients) device(dice *rand.Rand) *device {
	d := &device{
		lag: time.Duration(dice.ExpFloat64() * float64(36*time.Hour)), host: uint16(dice.IntN(3 * 254)), trial: chance(dice, 0.3),
	}
	if chance(dice, 6) {
		d.lag = time.Duration(dice.IntN(60)) * day // who never closes WeChat keeps an old release
	}
	share := dice.Float64() * 100
	for i, kind := range kinds {
		if share -= kind.share; share < 0 {
			some := c.ofKind[i]
			d.client = some[dice.IntN(len(some))]
			return d
		}
	}
	d.client = c.ofKind[0][0]
	return d
}

// at is the device as it was at a time.
func (d *device) at(now, at time.Time) app.Client {
	client := *d.client
	client.Address = fmt.Sprintf("%s%d", documentation[d.host/254], 1+d.host%254)
	switch {
	case client.Platform == app.PlatformUnknown:
	case client.Platform == app.PlatformDevtools:
		client.Version = "devtools"
	case d.bad:
		client.Version = badVersion
	case d.trial:
		client.Version = "0"
	default:
		client.Version = ranOn(now, at, d.lag).version
	}
	return client
}

// documentation are the networks that examples may use.
var documentation = []string{"192.0.2.", "198.51.100.", "203.0.113."}
