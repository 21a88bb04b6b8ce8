// Package static holds what browsers load beside the pages. Every file is served under a name that carries the hash of its
// content, so that it may be cached for ever.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// Prefix begins the path of every file.
const Prefix = "/static/"

//go:embed *.css *.js *.svg
var files embed.FS

// file is one file, ready to be sent.
type file struct {
	path        string
	contentType string
	plain       []byte
	compressed  []byte
}

var (
	byName = load()
	byPath = index(byName)
)

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// load panics on a file it cannot read: the files are part of the program.
func load() map[string]file {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err)
	}
	all := make(map[string]file, len(entries))
	for _, entry := range entries {
		content, err := files.ReadFile(entry.Name())
		if err != nil {
			panic(err)
		}
		all[entry.Name()] = newFile(entry.Name(), content)
	}
	return all
}

func newFile(name string, content []byte) file {
	sum := sha256.Sum256(content)
	extension := path.Ext(name)
	hashed := strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(sum[:4]) + extension
	return file{Prefix + hashed, contentTypes[extension], content, compress(content)}
}

func compress(content []byte) []byte {
	var small bytes.Buffer
	writer, err := gzip.NewWriterLevel(&small, gzip.BestCompression)
	if err != nil {
		panic(err)
	}
	writer.Write(content) // into memory: cannot fail
	writer.Close()
	return small.Bytes()
}

func index(named map[string]file) map[string]file {
	all := make(map[string]file, len(named))
	for _, one := range named {
		all[one.path] = one
	}
	return all
}

// Path is where a file is served, such as /static/app.0123abcd.css for app.css. Empty: there is no such file.
func Path(name string) string { return byName[name].path }

// Has says whether a file is served at this path.
func Has(servedPath string) bool {
	_, found := byPath[servedPath]
	return found
}

// Handler serves the files under their paths, compressed for whoever takes it, and nothing else.
func Handler() http.Handler { return http.HandlerFunc(serve) }

func serve(w http.ResponseWriter, r *http.Request) {
	one, found := byPath[r.URL.Path]
	switch {
	case !found:
		http.NotFound(w, r)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	body := one.plain
	header := w.Header()
	header.Set("Content-Type", one.contentType)
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Vary", "Accept-Encoding")
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		body = one.compressed
		header.Set("Content-Encoding", "gzip")
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		io.Copy(w, bytes.NewReader(body)) // whoever hangs up gets no answer
	}
}

// takesGzip reads Accept-Encoding; gzip;q=0 forbids it.
func takesGzip(accepted string) bool {
	for part := range strings.SplitSeq(accepted, ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			value, found := strings.CutPrefix(strings.ReplaceAll(quality, " ", ""), "q=")
			weight, err := strconv.ParseFloat(value, 64)
			return !found || err != nil || weight > 0
		}
	}
	return false
}
