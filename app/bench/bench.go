package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode"

	"wxkeeper/app"
)

// Options say what is measured, and how.
type Options struct {
	Program   string   // path of this binary
	Version   string   // its version
	Parts     []string // names of Parts
	Clients   int
	Sessions  int // at most: half of the people have none
	Rounds    int
	Lasts     time.Duration // of one round
	PerSecond float64       // open loop at this rate; 0: closed loop
	Latency   time.Duration // of WeChat
	Soak      time.Duration // how long soak takes
	NewKeys   int           // how many of a hundred logins bring a new session key
	Keepings  []string      // of the yardsticks to compare with; the goals are about the first
	JSON      bool          // nothing but JSON lines
	Out       io.Writer
	Progress  io.Writer
}

// bench is a run.
type bench struct {
	options    Options
	ground     Ground
	weChat     *weChat
	server     *target
	yardsticks []*target
	office     office
	nicknames  []string // to change to
	report     report
}

// Part is something that can be measured.
type Part struct {
	Name, About string

	play func(*bench, context.Context) error
}

var parts = []Part{
	{"start", "the first answer after a start", (*bench).firstAnswer},
	{"idle", "memory while nobody asks, and disk", (*bench).idle},
	{"login", logins.about, func(b *bench, ctx context.Context) error { return b.beside(ctx, logins, 0.5) }},
	{"getinfo", getInfos.about, func(b *bench, ctx context.Context) error { return b.beside(ctx, getInfos, 0.6) }},
	{"verify", verifies.about, func(b *bench, ctx context.Context) error { return b.beside(ctx, verifies, 0.8) }},
	{"session", sessions.about, func(b *bench, ctx context.Context) error { return b.alone(ctx, sessions) }},
	{"mixed", mixed.about, func(b *bench, ctx context.Context) error { return b.alone(ctx, mixed) }},
	{"pages", "pages of users in all orders, under all filters, at any depth", (*bench).pages},
	{"search", "nicknames by 1, 2, 3 and 5 characters: common, rare, absent", (*bench).search},
	{"single", "one getinfo at a time, beside what flush and work take", (*bench).single},
	{"gathering", "how many writes share a commit, with 32 and 256 clients", (*bench).gathering},
	{"half", "open loop at half of the maximum", (*bench).half},
	{"far", "logins of 512 clients while WeChat is 100 ms away", (*bench).far},
	{"hang", "getinfo and verify while WeChat hangs", (*bench).hanging},
	{"dashboard", "mixed while the dashboard is busy: pages, searches, exports, a backup", (*bench).busyOffice},
	{soakPart, "mixed at --rate (200 a second) for --soak, the dashboard open: does anything grow; not among all", (*bench).soak},
}

// Parts are all that can be measured, in the order in which it is.
func Parts() []Part { return slices.Clone(parts) }

// AllParts are the names of everything that is measured in some minutes.
func AllParts() []string {
	var names []string
	for _, one := range parts {
		if one.Name != soakPart {
			names = append(names, one.Name)
		}
	}
	return names
}

// Usual are the names of what is measured where nobody says what.
func Usual() []string {
	return []string{"login", "getinfo", "verify", "session", "mixed", "pages", "search"}
}

// Run measures and tells. It ends early, with what it has started, when the context does.
func Run(ctx context.Context, ground Ground, options Options) (err error) {
	b := &bench{options: options, ground: ground, nicknames: plainNicknames(ground.People)}
	if b.weChat, err = startWeChat(); err != nil {
		return err
	}
	defer b.weChat.close()
	b.weChat.setLatency(options.Latency)
	err = b.play(ctx)
	err = errors.Join(err, b.stop())
	if ctx.Err() != nil {
		return errors.New("stopped")
	}
	return errors.Join(b.tell(), err) // what was measured before a failure is still worth knowing
}

func (b *bench) play(ctx context.Context) error {
	if err := b.start(ctx); err != nil {
		return err
	}
	for _, one := range parts {
		if !slices.Contains(b.options.Parts, one.Name) {
			continue
		}
		if err := one.play(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", one.Name, err)
		}
	}
	return nil
}

func (b *bench) start(ctx context.Context) (err error) {
	b.progress("start")
	flush, err := flushTime(b.ground.Folder)
	if err != nil {
		return err
	}
	b.report.machine = Machine{
		System: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(), Go: runtime.Version(), Version: b.options.Version,
		FlushMS: inMS(flush), Users: b.ground.Users,
	}
	if b.server, err = b.startServer(ctx); err != nil {
		return err
	}
	for _, keeping := range b.options.Keepings {
		one, err := b.startYardstick(ctx, keeping)
		if err != nil {
			return err
		}
		b.yardsticks = append(b.yardsticks, one)
	}
	// The others log in: who does so often ends older sessions of theirs.
	sessions := min(b.options.Sessions, len(b.ground.People)/2, len(b.ground.Strangers)/2)
	for _, one := range b.targets() {
		b.progress("%d logins at the %s", sessions, one.name)
		if err := one.signUp(ctx, sessions, b.nicknames); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) stop() error {
	var all []error
	for _, one := range b.targets() {
		if one != nil {
			all = append(all, one.process.stop())
		}
	}
	return errors.Join(all...)
}

func (b *bench) targets() []*target { return append([]*target{b.server}, b.yardsticks...) }

func (b *bench) load() load {
	return load{clients: b.options.Clients, perSecond: b.options.PerSecond, lasts: b.options.Lasts}
}

// beside measures a scenario against the server and the yardsticks.
func (b *bench) beside(ctx context.Context, s scenario, goal float64) error {
	measured, err := b.inTurn(ctx, s, b.load(), b.targets()...)
	if err == nil && len(b.yardsticks) > 0 && b.options.PerSecond == 0 {
		b.report.atLeast(fmt.Sprintf("%s: rate, of the %s's", s.name, b.yardsticks[0].name), ratio(measured[0], measured[1]), goal, "")
	}
	return err
}

// alone measures what the yardstick does not do.
func (b *bench) alone(ctx context.Context, s scenario) error {
	_, err := b.inTurn(ctx, s, b.load(), b.server)
	return err
}

func (b *bench) tell() error {
	if !b.options.JSON {
		if err := b.report.table(b.options.Out); err != nil {
			return err
		}
	}
	return b.report.lines(b.options.Out)
}

func (b *bench) progress(format string, arguments ...any) {
	fmt.Fprintf(b.options.Progress, "bench: "+format+"\n", arguments...)
}

// plainNicknames are nicknames of people that every JSON encoder writes alike, and that the server takes for names.
func plainNicknames(people []Person) []string {
	var plain []string
	for _, one := range people {
		odd := strings.ContainsFunc(one.Nickname, func(letter rune) bool {
			return !unicode.Is(unicode.Han, letter) && (letter > unicode.MaxASCII || !unicode.IsLetter(letter) && !unicode.IsDigit(letter))
		})
		if one.Nickname != "" && one.Nickname != app.AnonymousNickname && !odd {
			plain = append(plain, one.Nickname)
		}
	}
	return plain
}
