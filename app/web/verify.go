package web

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/labstack/echo/v4"

	"wxkeeper/app"
	"wxkeeper/app/parameters"
)

const (
	verifyPath = "/verify"

	// Only answers have these headers. A request's own are never looked at.
	userHeader   = "X-Wxkeeper-User"
	openIDHeader = "X-Wxkeeper-OpenID"
)

// verify tells a back end, or the front door before it (nginx auth_request, ForwardAuth), whom a token stands for. The answer
// is a status and headers: such callers read nothing else.
func (s *Server) verify(c echo.Context) error {
	ignoreBody(c)
	token, header := bearerOf(c), c.Response().Header()
	if token == "" {
		return challenge(c, app.Fail(app.InvalidToken, "")) // a visitor without a token is no event for operators
	}
	verified, err := s.keeper.Verify(c.Request().Context(), callerOf(c), token)
	if err != nil {
		return challenge(c, err)
	}
	header.Set(userHeader, verified.User.String())
	if s.verifyOpenID && openIDForm.MatchString(string(verified.OpenID)) {
		header.Set(openIDHeader, string(verified.OpenID))
	}
	return c.NoContent(http.StatusNoContent)
}

// ignoreBody keeps an answer from waiting for a body: an nginx that was not told better announces its client's, and never sends
// it. What comes next on that connection could be anything, so that it is not used again.
func ignoreBody(c echo.Context) {
	if c.Request().ContentLength != 0 {
		c.Request().Body = http.NoBody
		c.Response().Header().Set(echo.HeaderConnection, "close")
	}
}

// openIDForm is what may go into a header of other people's software.
var openIDForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func bearerOf(c echo.Context) string {
	return parameters.BearerToken(c.Request().Header.Get(echo.HeaderAuthorization))
}

// challenge adds to a refused token what HTTP demands of a 401. nginx passes it on to the client.
func challenge(c echo.Context, err error) error {
	if app.KindOf(err) == app.InvalidToken {
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, "Bearer")
	}
	return err
}

// spared says whether a failure is not held against the caller's address. What comes with good credentials is limited by back end.
// A front door or back end asks for everybody, and would be locked out, with everybody behind it, by one stranger's bad tokens: /verify/ counts against the client it names in
// X-Forwarded-For, else against nobody. A client without a token guesses at none.
func (s *Server) spared(c echo.Context) bool {
	if _, known := backEndOf(c); known {
		return true
	}
	if !strings.HasPrefix(c.Path(), verifyPath) {
		return false
	}
	return bearerOf(c) == "" || s.proxies.beside(callerOf(c).Client.Address)
}
