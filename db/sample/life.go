package sample

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"wxkeeper/app"
)

const (
	day   = 24 * time.Hour
	days  = 30 // of which events are kept
	china = 8 * time.Hour

	since = 400 * day // before now the first user came

	keysLeft     = 10
	sessionsLeft = 3
)

// population makes the people of a sample, each of them the same however often they are made.
type population struct {
	seed    uint64
	size    int
	now     time.Time
	app     app.App
	clients clients
	brief   bool

	badRelease time.Time
}

// person is a user with all that belongs to them. What is secret has not been sealed yet.
type person struct {
	user       app.User
	phone      string
	keys       []app.KeyRecord // in the order they came
	sessions   []app.Session   // in the order they began
	happenings []happening
}

// life is a person as it unfolds.
type life struct {
	*population
	person
	dice    *rand.Rand
	number  int32
	devices []*device
	on      *device // what they use just now
}

// person makes one person of the population.
func (p *population) person(number int) person {
	dice := rand.New(rand.NewPCG(p.seed, uint64(number)))
	l := life{population: p, dice: dice, number: int32(number)}
	born := p.now.Add(-time.Duration(math.Pow(1-(float64(number)+dice.Float64())/float64(p.size), 1.3) * float64(since)))
	if age := int(p.midnight(0).Add(day).Sub(born) / day); age > 0 {
		born = p.timeOn(dice, age)
	}
	l.user = p.stranger(dice, number, born)
	for range 1 + dice.IntN(2) {
		l.devices = append(l.devices, p.clients.device(dice))
	}
	if p.brief {
		l.visitOnce(born)
	} else {
		l.before(born)
		l.visits(born)
	}
	l.aftermath()
	l.introduce()
	return l.person
}

// stranger is a user of whom nothing is known but who they are.
func (p *population) stranger(dice *rand.Rand, number int, born time.Time) app.User {
	// Every user has another number, which looks drawn: the step has no factor in common with how many there are.
	const numbers, step = 900_000_000, 618_033_989
	user := app.User{
		ID:     app.UserID(app.FirstID(born)) | app.UserID(dice.IntN(1<<22)),
		AppID:  p.app.ID,
		OpenID: app.OpenID("oG5kX5" + letters(dice, 22)),
		Number: app.UserNumber(100_000_000 + (uint64(number)*step+p.seed%numbers)%numbers),
	}
	if chance(dice, 15) {
		user.UnionID = app.UnionID("oT2wM6" + letters(dice, 22))
	}
	return user
}

// letters are random ones of those that WeChat's names for a user are made of.
func letters(dice *rand.Rand, n int) string {
	bytes := make([]byte, n)
	for i := range bytes {
		bytes[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"[dice.IntN(64)]
	}
	return string(bytes)
}

// midnight is when a day began in China, so many days ago.
func (p *population) midnight(ago int) time.Time {
	return p.now.UTC().Add(china).Truncate(day).Add(-china).Add(-time.Duration(ago) * day)
}

// busy is how much people do in each hour of the day.
var busy = []float64{
	2, 1, 0.6, 0.4, 0.4, 0.6, 1.5, 3, 4, 4.5, 4.8, 5.2, 6, 5.4, 4.6, 4.4, 4.5, 4.8, 5.5, 6.5, 7.5, 7.8, 6.5, 4,
}

// timeOn is a time of the day so many days ago. Today it may be still to come.
func (p *population) timeOn(dice *rand.Rand, ago int) time.Time {
	share := dice.Float64() * 95.5 // the sum of busy
	hour := 0
	for hour < len(busy)-1 && share >= busy[hour] {
		share -= busy[hour]
		hour++
	}
	return p.midnight(ago).Add(time.Duration(hour)*time.Hour + time.Duration(dice.IntN(3600_000))*time.Millisecond)
}

// visits of the days whose events are kept. Some come almost daily, some weekly, some hardly ever.
func (l *life) visits(born time.Time) {
	daily := []float64{0.62, 0.2, 0.2, 0.2, 0.045, 0.045, 0.045, 0, 0, 0}[l.dice.IntN(10)]
	var times []time.Time
	for ago := range days {
		at := l.timeOn(l.dice, ago)
		if l.dice.Float64() < daily && at.After(born.Add(time.Minute)) && !at.After(l.now) {
			times = append(times, at)
		}
	}
	if born.After(l.midnight(days - 1)) {
		times = append(times, born)
	}
	bad := l.badVisit(born)
	if !bad.IsZero() {
		times = append(times, bad)
	}
	slices.SortFunc(times, time.Time.Compare)
	for _, at := range times {
		if at.Equal(bad) {
			l.visitBadly(at)
		} else {
			l.visit(at)
		}
	}
}

// visitOnce is one login that brought a new key, on one of those days: nothing else is left.
func (l *life) visitOnce(born time.Time) {
	at := l.timeOn(l.dice, l.dice.IntN(days))
	if at.Before(born) || at.After(l.now) {
		at = born
	}
	l.on = l.device()
	l.arrive(at)
	l.obtain(at)
	l.begin(at)
	l.happens(at, loginNewKey, 0)
}

// before is what was before those days: only its traces are left.
func (l *life) before(born time.Time) {
	end := l.midnight(days - 1)
	l.user.LastSeenAt = born
	if born.After(end) {
		return
	}
	times := []time.Time{born}
	for range l.dice.IntN(4) {
		times = append(times, born.Add(time.Duration(l.dice.Float64()*float64(end.Sub(born)))))
	}
	slices.SortFunc(times, time.Time.Compare)
	for _, at := range times {
		l.on = l.device()
		l.obtain(at)
		l.arrive(at)
		if chance(l.dice, 50) {
			l.current().Confirm(at.Add(time.Second).Truncate(time.Second), app.ConfirmedByOpening)
		}
	}
}

func (l *life) device() *device {
	if chance(l.dice, 80) {
		return l.devices[0]
	}
	return l.devices[len(l.devices)-1]
}

func (l *life) current() *app.KeyRecord { return &l.keys[len(l.keys)-1] }

// arrive notes that the user is here, with what.
func (l *life) arrive(at time.Time) {
	l.user.LastSeenAt = at
	client := l.on.at(l.now, at)
	l.user.ClientVersion, l.user.Platform = client.Version, client.Platform
}

// obtain makes a new current key.
func (l *life) obtain(at time.Time) {
	if len(l.keys) > 0 {
		l.current().SupersededAt = at
	}
	l.keys = append(l.keys, app.KeyRecord{
		ID:     app.KeyID(app.FirstID(at)) | app.KeyID(l.dice.IntN(1<<22)),
		UserID: l.user.ID, AskedAt: at.Add(-time.Duration(40+l.dice.IntN(200)) * time.Millisecond),
	})
}

func (l *life) happens(at time.Time, what what, key int) {
	l.happenings = append(l.happenings, happening{
		at: at.UnixMilli(), device: l.on, user: l.number, what: what, key: int8(key),
	})
}

// visit is one use of the mini program: mostly a login, mostly data to be opened, sometimes trouble.
func (l *life) visit(at time.Time) {
	l.on = l.device()
	l.arrive(at)
	login := len(l.sessions) == 0 || !l.current().DeadAt.IsZero() || chance(l.dice, 45)
	if login {
		l.login(at)
	}
	if login && chance(l.dice, 45) {
		return
	}
	at = at.Add(time.Duration(400+l.dice.IntN(3000)) * time.Millisecond)
	if chance(l.dice, 1.2*ranOn(l.now, at, l.on.lag).spoils) {
		l.fail(at)
		return
	}
	l.open(at, login)
}

func (l *life) login(at time.Time) {
	what := loginSameKey
	switch {
	case len(l.keys) == 0:
		what = loginFirst
		l.obtain(at)
	case !l.current().DeadAt.IsZero() || chance(l.dice, 60):
		what = loginNewKey
		l.obtain(at)
	default:
		l.current().AskedAt = at
		l.current().Confirm(at, app.ConfirmedByLogin)
	}
	l.begin(at)
	l.happens(at, what, len(l.keys)-1)
}

// begin begins a session.
func (l *life) begin(at time.Time) {
	l.sessions = append(l.sessions, app.Session{
		ID: app.SessionID(app.FirstID(at)) | app.SessionID(l.dice.IntN(1<<22)), UserID: l.user.ID, SeenAt: at,
		Client: l.on.at(l.now, at),
	})
}

func (l *life) open(at time.Time, login bool) {
	if at.After(l.now) {
		return
	}
	l.sessions[len(l.sessions)-1].SeenAt = at
	if chance(l.dice, 0.4) {
		l.happens(at, openTooOld, len(l.keys)-1)
		return
	}
	if login && len(l.keys) > 1 && chance(l.dice, 3) { // the data was collected before the login
		l.happens(at, openPrevious, len(l.keys)-2)
		return
	}
	l.current().Confirm(at.Truncate(time.Second), app.ConfirmedByOpening)
	l.happens(at, []what{openProfile, openAnonymous, openAnonymous, openPhone, openRun}[l.dice.IntN(5)], len(l.keys)-1)
}

// fail is an opening that no key fits. WeChat, when asked, says whether the key is dead; mostly there is a new login then.
func (l *life) fail(at time.Time) {
	if at.After(l.now) {
		return
	}
	l.current().Fail(at)
	l.happens(at, openNoKeyFits, len(l.keys)-1)
	at = at.Add(time.Duration(300+l.dice.IntN(2500)) * time.Millisecond)
	if chance(l.dice, 8) || at.After(l.now) {
		return // no verdict yet
	}
	if chance(l.dice, 55) {
		l.current().Confirm(at, app.ConfirmedByWeChat)
		l.happens(at, openOtherKey, len(l.keys)-1)
		return
	}
	l.current().DeadAt, l.current().DeadErrcode = at, signatureWrong
	l.happens(at, openKeyDead, len(l.keys)-1)
	if at = at.Add(time.Duration(2+l.dice.IntN(60)) * time.Second); chance(l.dice, 65) && !at.After(l.now) {
		l.login(at)
		l.open(at.Add(time.Second), false)
	}
}

// aftermath is what the background check has found out of the key since it was used last.
func (l *life) aftermath() {
	key := l.current()
	idle := l.now.Sub(key.KnownGoodAt())
	if idle < day || !key.FailedAt.IsZero() || !key.DeadAt.IsZero() {
		return
	}
	check := l.now.Add(-time.Duration(l.dice.Float64() * float64(60*time.Hour)))
	switch {
	case chance(l.dice, 8+40*min(1, float64(idle)/float64(60*day))):
		key.DeadAt = key.KnownGoodAt().Add(time.Duration((0.3 + 0.7*l.dice.Float64()) * float64(idle)))
		key.DeadErrcode = signatureWrong
		l.foundDead(*key)
	case check.After(key.KnownGoodAt()) && chance(l.dice, 60):
		key.Confirm(check, app.ConfirmedByWeChat)
	}
}

func (l *life) foundDead(key app.KeyRecord) {
	if key.DeadAt.Before(l.midnight(days-1)) || len(l.happenings) > 0 && key.DeadAt.UnixMilli() <= l.happenings[len(l.happenings)-1].at {
		return
	}
	what := keyFoundDead
	if chance(l.dice, 2) {
		what = keyTakenElsewhere
	}
	l.happenings = append(l.happenings, happening{
		at: key.DeadAt.UnixMilli(), device: nobodys, user: l.number, what: what, key: int8(len(l.keys) - 1),
	})
}

var nobodys = &device{client: &app.Client{}}

var places = []app.Profile{
	{City: "Guangzhou", Province: "Guangdong"}, {City: "Shenzhen", Province: "Guangdong"}, {City: "Chengdu", Province: "Sichuan"},
	{City: "Pudong New District", Province: "Shanghai"}, {City: "Chaoyang", Province: "Beijing"}, {City: "Hangzhou", Province: "Zhejiang"},
	{City: "Wuhan", Province: "Hubei"}, {City: "Xi'an", Province: "Shaanxi"}, {City: "Nanjing", Province: "Jiangsu"},
	{City: "Qingdao", Province: "Shandong"}, {City: "Changsha", Province: "Hunan"}, {City: "Harbin", Province: "Heilongjiang"},
}

const (
	avatarHome      = "https://thirdwx.qlogo.cn/mmopen/vi_32/"
	anonymousAvatar = avatarHome + "POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg/132"
)

// introduce says what the user has told of themselves, and keeps of keys and sessions what the server would.
func (l *life) introduce() {
	dice := l.dice
	profile := &l.user.Profile
	switch {
	case chance(dice, 40):
		*profile = app.Profile{Nickname: nickname(dice), AvatarURL: avatarHome + letters(dice, 40) + "/132", Language: "zh_CN"}
		if chance(dice, 50) {
			place := places[dice.IntN(len(places))]
			profile.Gender, profile.City, profile.Province, profile.Country = 1+dice.IntN(2), place.City, place.Province, "China"
		}
	case chance(dice, 75):
		*profile = app.Profile{Nickname: app.AnonymousNickname, AvatarURL: anonymousAvatar}
	}
	if profile.Nickname != "" {
		l.user.ProfileAt = l.user.LastSeenAt.Truncate(time.Second)
	}
	if chance(dice, 25) {
		// Invented: nobody may be called by accident.
		l.phone = "17000" + strconv.Itoa(1_000_000 + int(l.number)%1_000_000)[1:]
		l.user.PhoneAt = l.user.LastSeenAt.Truncate(time.Second)
	}
	if chance(dice, 0.1) {
		l.user.DisabledAt = l.user.LastSeenAt.Add(time.Duration(dice.Float64() * float64(l.now.Sub(l.user.LastSeenAt))))
	}
	l.sessions = l.sessions[max(0, len(l.sessions)-sessionsLeft):]
}

// sessionKey is a key of a person, the same each time.
func (p *population) sessionKey(number, key int) app.SessionKey {
	bytes := p.drawn(number, key, "session key")
	return app.SessionKey{Secret: app.Secret(base64.StdEncoding.EncodeToString(bytes[:app.SessionKeyBytes]))}
}

// token is the hash of a token that nobody has.
func (p *population) token(number, session int) app.TokenHash {
	return p.drawn(number, session, "token")
}

func (p *population) drawn(number, which int, of string) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%d %d %s %d", p.seed, number, of, which))
}
