package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

type player struct {
	base     string
	client   *http.Client
	values   Values
	captured map[string]string
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (p *player) send(e exchange) (answer, error) {
	request, err := p.requestOf(e)
	if err != nil {
		return answer{}, err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body)}, err
}

func (p *player) requestOf(e exchange) (*http.Request, error) {
	contentType, body, err := p.bodyOf(e.body.text)
	if err != nil {
		return nil, err
	}
	method, path, _ := strings.Cut(e.request.text, " ")
	path, err = p.expand(path, asItIs)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(method, strings.TrimSuffix(p.base, "/")+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	for _, header := range e.headers {
		name, value, _ := strings.Cut(header.text, ": ")
		if value, err = p.expand(value, asItIs); err != nil {
			return nil, err
		}
		request.Header.Set(name, value)
	}
	return request, nil
}

func (p *player) bodyOf(line string) (contentType, body string, err error) {
	kind, text, _ := strings.Cut(line, " ")
	switch kind {
	case "json":
		body, err = p.expand(text, insideJSON)
		return "application/json", body, err
	case "form":
		body, err = p.expand(text, url.QueryEscape)
		return "application/x-www-form-urlencoded", body, err
	}
	if strings.HasPrefix(text, `"`) {
		if text, err = strconv.Unquote(text); err != nil {
			return "", "", err
		}
	}
	body, err = p.expand(text, asItIs)
	return "", body, err
}

func asItIs(value string) string { return value }

func insideJSON(value string) string {
	quoted, _ := json.Marshal(value) // a string always has a JSON form
	return string(quoted[1 : len(quoted)-1])
}

var variable = regexp.MustCompile(`\$\{([^}:]+)(:[^}]*)?\}`)

// expand puts values in the place of variables, from left to right.
func (p *player) expand(text string, escape func(string) string) (string, error) {
	var wrong []error
	expanded := variable.ReplaceAllStringFunc(text, func(reference string) string {
		parts := variable.FindStringSubmatch(reference)
		value, err := p.valueOf(parts[1], strings.TrimPrefix(parts[2], ":"))
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", reference, err))
		}
		return escape(value)
	})
	return expanded, errors.Join(wrong...)
}

func (p *player) valueOf(kind, argument string) (string, error) {
	if kind == "filler" {
		count, err := strconv.Atoi(argument)
		return strings.Repeat("a", max(count, 0)), err
	}
	if value, found := p.captured[kind]; found && argument == "" {
		return value, nil
	}
	return p.values(kind, argument)
}
