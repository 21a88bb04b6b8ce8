package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"wxkeeper/app"
	"wxkeeper/app/parameters"
)

const (
	bodyBytes   = 64 << 10
	uploadBytes = 2 << 20 // above what chooseAvatar gives after cropping

	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
	fileType = "multipart/form-data"

	drainBytes = 4 << 20
	drainTime  = 5 * time.Second
)

// fields are the parameters of one call by name.
type fields = parameters.Parameters

// readFields reads the parameters of a call from its body, and a token from Authorization where the body has none. The query
// is never looked at: addresses end up in logs.
func readFields(c echo.Context, required []string, optional ...string) (fields, error) {
	in, err := parseBody(c, slices.Concat(required, optional))
	if err != nil {
		return nil, err
	}
	return in, complete(c, in, required)
}

// readUpload reads a file and the token that comes with it, unless it is stopped meanwhile.
func readUpload(c echo.Context, one *upload) (fields, []byte, error) {
	mediaType, options, err := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
	if err != nil || mediaType != fileType || c.Request().Header.Get(echo.HeaderContentEncoding) != "" {
		return nil, nil, app.Fail(app.UnsupportedContentType, "")
	}
	body, err := readAtMost(c, held{c.Request().Body, one}, uploadBytes)
	if err != nil {
		return nil, nil, err
	}
	if !one.whole() {
		return nil, nil, errUploadStopped
	}
	in, file, err := parameters.Upload(body, options["boundary"], []string{"token"})
	if err != nil {
		return nil, nil, err
	}
	if err := complete(c, in, []string{"token"}); err != nil {
		return nil, nil, err
	}
	if len(file) == 0 {
		return nil, nil, app.FailField(app.MissingParameter, "", "file")
	}
	return in, file, nil
}

// complete takes the token from Authorization where the body has none, and wants every required field.
func complete(c echo.Context, in fields, required []string) error {
	if in["token"] == "" {
		in["token"] = parameters.BearerToken(c.Request().Header.Get(echo.HeaderAuthorization))
	}
	for _, name := range required {
		if in[name] == "" {
			return app.FailField(app.MissingParameter, "", name)
		}
	}
	return nil
}

// parseBody reads the named fields. The type is judged first, so that an upload is told that it is one, whatever its size.
func parseBody(c echo.Context, names []string) (fields, error) {
	mediaType, err := mediaTypeOf(c.Request().Header)
	if err != nil {
		return nil, err
	}
	body, err := readBody(c)
	switch {
	case err != nil:
		return nil, err
	case len(body) == 0:
		return fields{}, nil
	case mediaType == jsonType:
		return parameters.JSON(body, names)
	case mediaType == formType:
		return parameters.Form(body, names)
	}
	return nil, app.Fail(app.UnsupportedContentType, "")
}

// mediaTypeOf gives the type of the body, "" if the header does not say. A compressed body is no type of ours.
func mediaTypeOf(header http.Header) (string, error) {
	contentType := header.Get(echo.HeaderContentType)
	mediaType, _, _ := mime.ParseMediaType(contentType) // with a wrong parameter the type is still given
	known := contentType == "" || mediaType == jsonType || mediaType == formType
	if !known || header.Get(echo.HeaderContentEncoding) != "" {
		return "", app.Fail(app.UnsupportedContentType, "")
	}
	return mediaType, nil
}

// readBody reads a bounded body. The request keeps its own reader, for drain.
func readBody(c echo.Context) ([]byte, error) { return readAtMost(c, c.Request().Body, bodyBytes) }

func readAtMost(c echo.Context, from io.ReadCloser, most int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.Response().Writer, from, most))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, app.Fail(app.BodyTooLarge, "").Because(err)
	case err != nil:
		return nil, malformed("body").Because(err)
	}
	return body, nil
}

// drain reads what is left of a body before a failure is answered: many clients send everything before they read, and would
// see a reset instead of the answer. It is bounded, since a body may have no end.
func drain(c echo.Context) {
	// Where the deadline cannot be set, as in tests without a connection, there is nothing to wait for either.
	_ = http.NewResponseController(c.Response().Writer).SetReadDeadline(time.Now().Add(drainTime))
	_, _ = io.CopyN(io.Discard, c.Request().Body, drainBytes)
}

func malformed(field string) *app.Error { return app.FailField(app.Malformed, "", field) }
