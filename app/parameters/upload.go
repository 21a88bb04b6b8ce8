package parameters

import (
	"bytes"
	"io"
	"mime/multipart"
	"slices"
	"unicode/utf8"
)

const (
	uploadParts = 20      // of one upload, at most
	uploadField = 4 << 10 // bytes of a named field
)

// Upload reads a multipart/form-data body as wx.uploadFile sends it: one file, whatever its field is called and whatever it says of its
// type, and the named fields beside it. A second file is refused, as is a field given twice.
func Upload(body []byte, boundary string, names []string) (Parameters, []byte, error) {
	var file []byte
	if !bytes.Contains(body, []byte("--"+boundary+"--")) { // what was cut off can end like what was not
		return nil, nil, malformed("body")
	}
	in, seen, files := Parameters{}, map[string]bool{}, 0
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for range uploadParts {
		part, err := reader.NextRawPart()
		if err == io.EOF {
			return in, file, nil
		}
		if err != nil {
			return nil, nil, malformed("body")
		}
		content, err := io.ReadAll(part)
		name := part.FormName()
		switch {
		case err != nil:
			return nil, nil, malformed("body")
		case part.FileName() != "":
			file = content
			files++
			if files > 1 {
				return nil, nil, malformed("file")
			}
		case !slices.Contains(names, name):
		case seen[name] || len(content) > uploadField || !utf8.Valid(content):
			return nil, nil, malformed(name)
		default:
			in[name], seen[name] = string(content), true
		}
	}
	return nil, nil, malformed("body")
}
