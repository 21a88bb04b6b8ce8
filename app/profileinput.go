package app

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// NicknameLength is the longest nickname that a client may give, in characters: twice what WeChat allows, since an emoji of one picture may
// be several. It also bounds the other words of a profile.
const NicknameLength = 64

// CleanWords makes fit to be stored what somebody typed, or says they did: without control characters, characters that turn the direction
// of writing, and others that nobody sees, but for those that emoji and scripts are joined by. Malformed: nothing is left that can be seen,
// or it is too long.
func CleanWords(field, text string) (string, error) {
	clean := strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r) && !joins(r), r == utf8.RuneError:
			return -1
		}
		return r
	}, text))
	if utf8.RuneCountInString(clean) > NicknameLength || !strings.ContainsFunc(clean, seenByPeople) {
		return "", FailField(Malformed, ProfileRefused, field)
	}
	return clean, nil
}

// joins are the invisible characters that change what stands beside them: the joiners, and the tags that flags of regions end in.
func joins(r rune) bool {
	return r == '\u200c' || r == '\u200d' || r >= '\U000e0020' && r <= '\U000e007f'
}

// seenByPeople leaves out letters and symbols that show nothing, beside what unicode knows to be invisible.
func seenByPeople(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u2800', '\u3164', '\uffa0':
		return false
	}
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Mn, r) && !unicode.Is(unicode.Me, r)
}

// AvatarURLLength bounds addresses of avatars, in bytes; WeChat's own are shorter than 200.
const AvatarURLLength = 1024

// CheckAvatarURL refuses what is no address that others can open. Temporary paths of a phone (wxfile://, http://tmp/, and those of the
// developer tools on this machine) have a reason of their own: such a picture is to be uploaded.
func CheckAvatarURL(address string) error {
	parsed, err := url.Parse(address)
	switch {
	case len(address) > AvatarURLLength:
		return FailField(Malformed, ProfileRefused, "avatarUrl")
	case strings.HasPrefix(address, "wxfile:"), strings.HasPrefix(address, "blob:"), strings.HasPrefix(address, "data:"),
		err == nil && isHTTP(parsed.Scheme) && onlyThere(parsed):
		return FailField(Malformed, ProfileAvatarLocal, "avatarUrl")
	case err != nil, !isHTTP(parsed.Scheme), parsed.Host == "", parsed.User != nil,
		strings.ContainsFunc(address, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }):
		return FailField(Malformed, ProfileRefused, "avatarUrl")
	}
	return nil
}

func isHTTP(scheme string) bool { return scheme == "http" || scheme == "https" }

// onlyThere says whether an address means something on one device only: WeChat's temporary and saved files are http://tmp/, http://usr/
// and http://store/ in places, the developer tools' http://127.0.0.1:PORT/__tmp__/. Other addresses of this machine are those of a sandbox.
func onlyThere(parsed *url.URL) bool {
	host := strings.ToLower(parsed.Hostname())
	address, err := netip.ParseAddr(host)
	here := host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && (address.IsLoopback() || address.IsUnspecified())
	if here {
		return strings.HasPrefix(parsed.Path, "/__")
	}
	return err != nil && host != "" && !strings.Contains(strings.TrimSuffix(host, "."), ".")
}
