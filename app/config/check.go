package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // small machines and containers have no time zones of their own
	"unicode"
	"unicode/utf8"

	"wxkeeper/app"
)

func (r *report) appid(setting, value string) app.Appid {
	const do = "Set it to the AppID of the mini program (开发设置 at mp.weixin.qq.com), such as wx0123456789abcdef.\n" +
		"Without a WeChat account, try: wxkeeper sandbox"
	switch {
	case value == "":
		r.refuse(setting, "is missing", do)
		return ""
	case !app.Appid(value).Usable():
		r.refuseValue(setting, value, "which is no AppID", do)
		return ""
	}
	return app.Appid(value)
}

func (r *report) addr(setting, value string) string {
	_, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		r.refuseValue(setting, value, "which is not host:port",
			"Write 127.0.0.1:8000 for this machine only, or :8000 for every address of it.")
		return ""
	}
	return value
}

// metricsAddr insists on a listener that strangers are not led to.
func (r *report) metricsAddr(setting string, s Serve) string {
	value := s.MetricsAddr
	if value == "" {
		return ""
	}
	if value == s.Addr || value == s.AdminAddr {
		r.refuseValue(setting, value, "where other things are served", "Give metrics a port of their own, such as 127.0.0.1:9464.")
		return ""
	}
	value = r.addr(setting, value)
	if host, _, err := net.SplitHostPort(value); err == nil && !isLoopback(host) {
		r.warn("%s%s can be reached from other machines, and asks nobody for a password: let it listen on 127.0.0.1, "+
			"or let a firewall allow Prometheus alone", prefix, setting)
	}
	return value
}

func (r *report) roles(setting, value string) []app.Role {
	var roles []app.Role
	for one := range strings.SplitSeq(value, ",") {
		role := app.Role(strings.TrimSpace(one))
		switch {
		case role == "":
		case !slices.Contains(app.Roles(), role):
			r.refuseValue(setting, value, "which names a role that does not exist", "Write viewer, operator, admin, or some of them with commas between.")
			return nil
		default:
			roles = append(roles, role)
		}
	}
	return roles
}

// loopback says nothing of an address that addr refuses.
func (r *report) loopback(setting, value string) {
	host, _, err := net.SplitHostPort(value)
	if err == nil && !isLoopback(host) {
		r.refuseValue(setting, value, "which other machines can reach",
			"The sandbox hands out sessions to anybody: let it listen on 127.0.0.1:8000, or unset "+prefix+setting+".\n"+
				"To serve others, run: wxkeeper serve")
	}
}

// private moves an address to one of a private network, RFC 1918 or RFC 4193, which no stranger on the open net reaches.
func (r *report) private(host, address string) string {
	addr, err := netip.ParseAddr(host)
	if err != nil || !addr.Unmap().IsPrivate() {
		r.problems = append(r.problems, Problem{Setting: "--lan", What: fmt.Sprintf("is %s, no private address", shown(host)),
			Do: "The sandbox hands out sessions to anybody: name this machine's address in your own network, such as 192.168.1.20 or 10.0.0.5.\n" +
				"To serve others, run: wxkeeper serve"})
		return address
	}
	_, port, _ := net.SplitHostPort(address) // what cannot be split is refused by its own check
	return net.JoinHostPort(addr.Unmap().String(), port)
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// weChatURL never shows the value: it may hold a password.
func (r *report) weChatURL(setting, value string) string {
	const do = "Write https://api.weixin.qq.com, or the https:// address of a proxy of yours, with nothing behind the path."
	address, err := url.Parse(value)
	switch {
	case err != nil || address.Hostname() == "" || address.Scheme != "https" && address.Scheme != "http":
		r.refuse(setting, "is not the address of an HTTP server", do)
		return ""
	case address.User != nil || address.RawQuery != "" || address.ForceQuery || address.Fragment != "":
		r.refuse(setting, "holds a user name, a query or a fragment", do)
		return ""
	case address.Scheme == "http" && !isLoopback(address.Hostname()):
		r.warn("%s%s is plain http: everybody between here and %s can read the AppSecret and the session keys; use https",
			prefix, setting, address.Hostname())
	}
	return strings.TrimRight(value, "/")
}

// taken are the paths of the server's own that one of a proxy's may not begin with: whether it was taken away could not be told.
var taken = []string{"admin", "apps", "static"}

var plainPath = regexp.MustCompile(`^(/[0-9A-Za-z][0-9A-Za-z._~-]*)*$`)

// publicURL takes a host, and a path that a proxy takes away again.
func (r *report) publicURL(setting, value string) string {
	if value == "" {
		return ""
	}
	address, err := url.Parse(strings.TrimRight(value, "/"))
	switch {
	case err != nil || address.Hostname() == "" || address.Scheme != "https" && address.Scheme != "http" ||
		address.User != nil || address.RawQuery != "" || address.Fragment != "":
		r.refuse(setting, "is not the address of a site",
			"Write it as people type it, such as https://keeper.example.com or https://example.com/keeper.")
		return ""
	case !plainPath.MatchString(address.EscapedPath()) || slices.Contains(taken, strings.Split(address.Path+"/", "/")[1]):
		r.refuse(setting, "has a path that cannot be told from our own",
			"Choose letters and digits, such as /keeper, but not /admin, /apps or /static; the proxy takes it away from each request.")
		return ""
	}
	return address.String()
}

// longestName is how many characters fit beside the name of the mini program on a phone's screen.
const longestName = 24

func (r *report) name(setting, value string) string {
	unfit := strings.ContainsFunc(value, func(letter rune) bool { return !unicode.IsPrint(letter) })
	if unfit || utf8.RuneCountInString(value) > longestName {
		r.refuse(setting, "does not fit on a page", fmt.Sprintf("Write up to %d printable characters.", longestName))
		return ""
	}
	return value
}

func (r *report) location(setting, value string) *time.Location {
	location, err := time.LoadLocation(value)
	if err != nil || value == "" || value == "Local" {
		r.refuseValue(setting, value, "which is no time zone", "Write a name of the IANA database, such as Asia/Shanghai or UTC.")
		return time.UTC
	}
	return location
}

func (r *report) prefixes(setting, value string) []netip.Prefix {
	var prefixes []netip.Prefix
	for _, text := range strings.FieldsFunc(value, func(c rune) bool { return c == ',' || c == ' ' }) {
		one, err := parsePrefix(text)
		if err != nil {
			r.refuseValue(setting, text, "which is neither an address nor a CIDR range",
				"Name the machines your reverse proxies run on, such as 10.0.0.5 or 10.0.0.0/24, separated by commas.")
			continue
		}
		if one.Bits() == 0 {
			r.warn("%s%s believes X-Forwarded-For of everybody: any client can choose its address; name only your proxies",
				prefix, setting)
		}
		prefixes = append(prefixes, one)
	}
	return prefixes
}

func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		one, err := netip.ParsePrefix(text)
		return one.Masked(), err
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return addr.Unmap().WithZone("").Prefix(addr.Unmap().BitLen())
}

// most bounds every number: beyond it, it is a typing error.
const most = 1_000_000

func (r *report) number(setting, value string, least int) int {
	number, err := strconv.Atoi(value)
	if err != nil || number < least || number > most {
		r.refuseValue(setting, value, "which is not a number it can take",
			fmt.Sprintf("Write a whole number from %d to %d.", least, most))
		return 0
	}
	return number
}

func (r *report) percent(setting, value string) int {
	number, err := strconv.Atoi(value)
	if err != nil || number < 0 || number > 100 {
		r.refuseValue(setting, value, "which is no percentage", "Write a whole number from 0 to 100.")
		return 0
	}
	return number
}

func (r *report) followsKey(setting, value string) bool {
	switch value {
	case string(app.PolicyFixed), string(app.PolicyFollowKey):
	default:
		r.refuseValue(setting, value, "which is no policy", "Write fixed or follow-key.")
	}
	return value == string(app.PolicyFollowKey)
}

// phoneData gives "" for off.
func (r *report) phoneData(setting, value string) string {
	switch value {
	case "off", "text", "bytes":
	default:
		r.refuseValue(setting, value, "which is no way to ask", "Write off, text or bytes.")
	}
	return strings.TrimPrefix(value, "off")
}

func (r *report) sessions(s Serve) app.SessionPolicy {
	policy := app.SessionPolicy{
		Idle:   r.duration("TOKEN_IDLE", s.TokenIdle, 1),
		MaxAge: r.duration("TOKEN_MAX_AGE", s.TokenMaxAge, 1),
	}
	if policy.MaxAge > 0 && policy.Idle > policy.MaxAge {
		r.refuse("TOKEN_IDLE", fmt.Sprintf("(%s) is longer than %sTOKEN_MAX_AGE (%s)", s.TokenIdle, prefix, s.TokenMaxAge),
			"An unused session cannot outlive a used one: lower TOKEN_IDLE or raise TOKEN_MAX_AGE.")
	}
	return policy
}

// days is the unit everybody tries and Go does not have.
var days = regexp.MustCompile(`^([0-9]{1,4})d$`)

func (r *report) duration(setting, value string, least time.Duration) time.Duration {
	duration, err := time.ParseDuration(value)
	if err == nil && duration >= least {
		return duration
	}
	do := "Write a number with a unit, such as 90s, 10m or 720h (30 days)."
	if match := days.FindStringSubmatch(value); match != nil {
		count, _ := strconv.Atoi(match[1]) // at most four digits
		do = fmt.Sprintf("Days are written in hours: %dh.", count*24)
	}
	what := "which is not a duration"
	if err == nil {
		what = "which is too short"
	}
	r.refuseValue(setting, value, what, do)
	return 0
}

func (r *report) boolean(setting, value string) bool {
	switch strings.ToLower(value) {
	case "true", "yes", "on", "1":
		return true
	case "false", "no", "off", "0":
		return false
	}
	r.refuseValue(setting, value, "which is neither yes nor no", "Write true or false.")
	return false
}

func (r *report) level(setting, value string) slog.Level {
	switch strings.ToLower(value) {
	case "debug":
		return slog.LevelDebug
	case "info":
		return slog.LevelInfo
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	}
	r.refuseValue(setting, value, "which is no level", "Write debug, info, warn or error.")
	return slog.LevelInfo
}
