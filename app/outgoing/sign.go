package outgoing

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"wxkeeper/app"
)

// Sign signs a message as Standard Webhooks says (https://www.standardwebhooks.com): HMAC-SHA256 over id, timestamp and body, with each
// of the keys, the one that is to stay first.
func Sign(header http.Header, id app.ID, at time.Time, body []byte, keys ...[]byte) {
	name, stamp := MessageID(id), strconv.FormatInt(at.Unix(), 10)
	var signatures []string
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(name + "." + stamp + "."))
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	header.Set("Webhook-Id", name)
	header.Set("Webhook-Timestamp", stamp)
	header.Set("Webhook-Signature", strings.Join(signatures, " "))
}

// MessageID is how the other side sees the id of a message: the same at each try.
func MessageID(id app.ID) string { return "msg_" + strconv.FormatInt(int64(id), 36) }

// secretPrefix begins a signing secret as Standard Webhooks writes one; base64 follows.
const secretPrefix = "whsec_"

// SigningKey is the key that a signing secret stands for: what its base64 says, or its own bytes where it is written otherwise.
func SigningKey(secret app.Secret) []byte {
	if text, found := strings.CutPrefix(secret.Reveal(), secretPrefix); found {
		if key, err := base64.StdEncoding.DecodeString(text); err == nil {
			return key
		}
	}
	return []byte(secret.Reveal())
}
