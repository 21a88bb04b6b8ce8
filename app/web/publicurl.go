package web

import "net/url"

// pathOf is the path of the address at which people reach us, which a proxy takes away from every request before it comes here.
// Empty: there is none.
func pathOf(publicURL string) string {
	address, err := url.Parse(publicURL)
	if err != nil {
		return ""
	}
	return address.EscapedPath()
}
