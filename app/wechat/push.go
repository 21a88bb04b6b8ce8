package wechat

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"wxkeeper/app"
)

// PushProblem is the check that a message pushed to us did not pass. It is an error of its own, to be asked for with
// errors.Is; its text is a stable id. Nothing of a refused message may be believed. Checks run in the order of the list.
type PushProblem string

// The checks.
const (
	PushBadEnvelope         PushProblem = "bad_envelope"          // the body is no JSON object and no XML
	PushNotEncrypted        PushProblem = "not_encrypted"         // a plain message, but a key is set: WeChat's side is in plain mode
	PushEncrypted           PushProblem = "encrypted"             // an encrypted message only, but plain mode is set here
	PushBadSignature        PushProblem = "bad_signature"         // signature or msg_signature does not fit: another Token
	PushStale               PushProblem = "stale_timestamp"       // plain mode: the timestamp is none, or minutes away from now
	PushBadEcho             PushProblem = "bad_echostr"           // the echostr of a handshake is none that WeChat makes
	PushBadBase64           PushProblem = "bad_base64"            // Encrypt is not base64
	PushBadCiphertextLength PushProblem = "bad_ciphertext_length" // Encrypt is empty or no multiple of 16 bytes
	PushBadPadding          PushProblem = "bad_padding"           // no PKCS#7 padding: another EncodingAESKey
	PushBadLength           PushProblem = "bad_length"            // what was decrypted is shorter than it says
	PushAppidMismatch       PushProblem = "appid_mismatch"        // encrypted for another mini program
	PushBadMessage          PushProblem = "bad_message"           // what was decrypted is no JSON object and no XML
)

// Error gives the id.
func (p PushProblem) Error() string { return string(p) }

// PushOptions say whose messages a Push opens, and how: what the mini program's back office has under 消息推送.
type PushOptions struct {
	Appid  app.Appid
	Token  app.Secret
	AESKey app.Secret // EncodingAESKey, 43 characters
	Plain  bool       // 明文模式, without AESKey. Anybody who has seen one signed query can forge messages: for tests only
}

// Push is our end of WeChat's message push (消息推送) for one mini program. It is safe for concurrent use.
type Push struct {
	appid app.Appid
	keys  *pushKeys // behind a pointer, which package fmt prints as an address
}

type pushKeys struct {
	token app.Secret
	block cipher.Block // nil: plain mode
	iv    []byte
}

// NewPush fails if appid or token is empty, if the key is none, and if there is a key in plain mode.
func NewPush(options PushOptions) (*Push, error) {
	push := &Push{appid: options.Appid, keys: &pushKeys{token: options.Token}}
	switch {
	case options.Appid == "" || options.Token == "":
		return nil, errors.New("WeChat's message push needs an appid and a Token")
	case options.Plain && options.AESKey != "":
		return nil, errors.New("message push in plain mode has no EncodingAESKey")
	case options.Plain:
		return push, nil
	}
	key, err := readAESKey(options.AESKey)
	if err != nil {
		return nil, err
	}
	push.keys.iv = key[:aes.BlockSize]
	push.keys.block, err = aes.NewCipher(key)
	return push, err
}

const (
	aesKeyLetters = 43
	aesKeyBytes   = 32
)

// readAESKey is not strict: the key's characters are random, and the last one has two bits that stand for nothing.
func readAESKey(text app.Secret) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(text.Reveal() + "=")
	if err != nil || len(text) != aesKeyLetters || len(key) != aesKeyBytes {
		return nil, errors.New("EncodingAESKey is not 43 characters of base64")
	}
	return key, nil
}

// echoForm keeps the answer to a handshake harmless: the signature does not cover the echostr.
var echoForm = regexp.MustCompile(`^[0-9A-Za-z+/=_-]{1,256}$`)

// Handshake answers the GET by which WeChat checks our address when it is set (消息推送, 验证消息的确来自微信服务器): echostr is the whole
// body of the answer. The error is PushBadSignature or PushBadEcho.
func (p *Push) Handshake(query url.Values) (echostr string, err error) {
	if !p.signed(query) {
		return "", PushBadSignature
	}
	echostr = query.Get("echostr")
	if !echoForm.MatchString(echostr) {
		return "", PushBadEcho
	}
	return echostr, nil
}

// Open checks and opens a message that WeChat has posted, in JSON or XML (消息推送, 消息加解密). With a key only what was encrypted
// counts, also in 兼容模式, which sends the clear text beside it. The error is a PushProblem. WeChat sends a message up to three
// times, and an encrypted one may be replayed by whoever has seen it: see Message.MsgID and Message.CreatedAt.
func (p *Push) Open(query url.Values, body []byte, now time.Time) (Message, error) {
	envelope, ok := readPushed(body)
	switch {
	case !ok:
		return Message{}, PushBadEnvelope
	case p.keys.block == nil:
		return p.openPlain(query, envelope, body, now)
	case envelope["Encrypt"] == "":
		return Message{}, PushNotEncrypted
	case !fitsHex(query.Get("msg_signature"), p.sum(query, envelope["Encrypt"])):
		return Message{}, PushBadSignature
	}
	text, err := p.decrypt(envelope["Encrypt"])
	if err != nil {
		return Message{}, err
	}
	fields, ok := readPushed(text)
	if !ok {
		return Message{}, PushBadMessage
	}
	return fields.message(text), nil
}

// staleAfter is how far from now the timestamp of a plain message may be: its signature is good for any body, for ever.
const staleAfter = 5 * time.Minute

func (p *Push) openPlain(query url.Values, fields pushed, body []byte, now time.Time) (Message, error) {
	if fields["Encrypt"] != "" && fields["MsgType"] == "" {
		return Message{}, PushEncrypted
	}
	if !p.signed(query) {
		return Message{}, PushBadSignature
	}
	second, err := strconv.ParseInt(query.Get("timestamp"), 10, 64)
	if err != nil || now.Sub(time.Unix(second, 0)).Abs() > staleAfter {
		return Message{}, PushStale
	}
	return fields.message(body), nil
}

// Sign makes the signature of a handshake or of a plain message, for whoever plays WeChat.
func (p *Push) Sign(timestamp, nonce string) string {
	return hex.EncodeToString(sumSorted(p.keys.token.Reveal(), timestamp, nonce))
}

func (p *Push) signed(query url.Values) bool {
	return fitsHex(query.Get("signature"), p.sum(query))
}

func (p *Push) sum(query url.Values, more ...string) []byte {
	return sumSorted(append(more, p.keys.token.Reveal(), query.Get("timestamp"), query.Get("nonce"))...)
}
