package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Refusal is an answer of the keeper that is not a success.
type Refusal struct {
	HTTPStatus int
	Code       int // 0: the answer was not of the keeper's shape
	Message    string
	RequestID  string
	RetryAfter time.Duration
}

// Error tells the code, the message and the support code.
func (r *Refusal) Error() string {
	return fmt.Sprintf("keeper refused: code %d, %s (HTTP %d, request %s)", r.Code, r.Message, r.HTTPStatus, r.RequestID)
}

// Codes of the keeper's answers that ask for a new login and the data once more.
const (
	codeInvalidToken = 2
	codeKeyDead      = 3
)

// asksForLogin looks through every failure in err: the article's race may end in two.
func asksForLogin(err error) bool {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		return slices.ContainsFunc(several.Unwrap(), asksForLogin)
	}
	var refusal *Refusal
	return errors.As(err, &refusal) && (refusal.Code == codeInvalidToken || refusal.Code == codeKeyDead)
}

// maxAnswer is far above what the keeper answers.
const maxAnswer = 1 << 20

// post is wx.request with method POST: JSON, and the headers WeChat sets.
func (m *MiniProgram) post(ctx context.Context, path string, body map[string]string) (json.RawMessage, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.baseURL+path, bytes.NewReader(compactJSON(body)))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Referer", m.phone.device.Referer(m.phone.Appid()))
	request.Header.Set("User-Agent", m.phone.device.UserAgent())
	response, err := m.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return readAnswer(response)
}

func readAnswer(response *http.Response) (json.RawMessage, error) {
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	var answer struct {
		Code      int             `json:"code"`
		Message   string          `json:"msg"`
		RequestID string          `json:"request_id"`
		Data      json.RawMessage `json:"data"`
	}
	err = json.Unmarshal(text, &answer)
	if err == nil && answer.Code == 0 && response.StatusCode == http.StatusOK {
		return answer.Data, nil
	}
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
	return nil, &Refusal{
		HTTPStatus: response.StatusCode,
		Code:       answer.Code,
		Message:    answer.Message,
		RequestID:  answer.RequestID,
		RetryAfter: time.Duration(seconds) * time.Second,
	}
}
