package wechat_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"wxkeeper/app"
	"wxkeeper/app/wechat"
)

const (
	testKeyText = "tiihtNczf5v6AKRyjwEUhQ=="
	testAppid   = app.Appid("wx4f4bc4dec97d474b")
)

var testIV = []byte("an iv of 16 byte")

func testKey() app.SessionKey { return app.SessionKey{Secret: testKeyText} }

// seal gives plaintext as a phone would send it.
func seal(t testing.TB, plaintext string) (encryptedData, iv string) {
	t.Helper()
	encryptedData, iv, err := wechat.Seal(testKey(), testIV, []byte(plaintext))
	if err != nil {
		t.Fatal(err)
	}
	return encryptedData, iv
}

// openText takes plaintext through sealing, reading and opening.
func openText(t testing.TB, plaintext string) (wechat.Payload, error) {
	t.Helper()
	sealed, err := wechat.ReadSealed(seal(t, plaintext))
	if err != nil {
		t.Fatal(err)
	}
	return sealed.Open(testKey())
}

func TestReadSealedRefuses(t *testing.T) {
	block, iv := strings.Repeat("A", 22)+"==", strings.Repeat("A", 22)+"=="
	tests := map[string]struct {
		encryptedData, iv string
		want              wechat.FormatError
	}{
		"nothing":               {"", "", wechat.FormatError{Field: "iv", Problem: wechat.BadIV}},
		"iv not base64":         {block, "!" + iv[1:], wechat.FormatError{Field: "iv", Problem: wechat.BadIV}},
		"iv of 15 bytes":        {block, strings.Repeat("A", 20), wechat.FormatError{Field: "iv", Problem: wechat.BadIV}},
		"iv of 17 bytes":        {block, strings.Repeat("A", 23) + "=", wechat.FormatError{Field: "iv", Problem: wechat.BadIV}},
		"iv of 0x110 bytes":     {block, strings.Repeat("A", 363) + "=", wechat.FormatError{Field: "iv", Problem: wechat.BadIV}},
		"data empty":            {"", iv, wechat.FormatError{Field: "encryptedData", Problem: wechat.BadCiphertextLength}},
		"data only padding":     {"====", iv, wechat.FormatError{Field: "encryptedData", Problem: wechat.BadCiphertextLength}},
		"data of 15 bytes":      {strings.Repeat("A", 20), iv, wechat.FormatError{Field: "encryptedData", Problem: wechat.BadCiphertextLength}},
		"data of 17 bytes":      {strings.Repeat("A", 23) + "=", iv, wechat.FormatError{Field: "encryptedData", Problem: wechat.BadCiphertextLength}},
		"one digit too many":    {strings.Repeat("A", 25), iv, wechat.FormatError{Field: "encryptedData", Problem: wechat.BadBase64}},
		"padding in the middle": {block[:10] + "==" + block[12:], iv, wechat.FormatError{Field: "encryptedData", Problem: wechat.BadBase64}},
		"percent":               {block[:10] + "%2B" + block[13:], iv, wechat.FormatError{Field: "encryptedData", Problem: wechat.BadBase64}},
		"NUL":                   {"\x00" + block[1:], iv, wechat.FormatError{Field: "encryptedData", Problem: wechat.BadBase64}},
		"not UTF-8":             {"\xff" + block[1:], iv, wechat.FormatError{Field: "encryptedData", Problem: wechat.BadBase64}},
		"other letters":         {"密" + block[3:], iv, wechat.FormatError{Field: "encryptedData", Problem: wechat.BadBase64}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := wechat.ReadSealed(test.encryptedData, test.iv)
			got, ok := errors.AsType[*wechat.FormatError](err)
			if !ok {
				t.Fatalf("error %v is no FormatError", err)
			}
			if diff := cmp.Diff(test.want, *got); diff != "" {
				t.Error(diff)
			}
			if !errors.Is(err, test.want.Problem) || !strings.Contains(err.Error(), string(test.want.Problem)) {
				t.Errorf("error %q does not lead to its problem", err)
			}
		})
	}
}

// damages are what transport is known to do to base64.
var damages = map[string]func(string) string{
	"plus became space": func(text string) string { return strings.ReplaceAll(text, "+", " ") },
	"url alphabet":      func(text string) string { return strings.NewReplacer("+", "-", "/", "_").Replace(text) },
	"no padding":        func(text string) string { return strings.TrimRight(text, "=") },
	"half the padding":  func(text string) string { return strings.TrimSuffix(text, "=") },
	"url without padding": func(text string) string {
		return strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(text), "=")
	},
	"lines of a mail": func(text string) string { return wrap(text, 76, "\r\n") },
	"lines and tabs":  func(text string) string { return "\n\t" + wrap(text, 7, "\n\t") + "\r\n" },
	"vertical":        func(text string) string { return wrap(text, 20, "\v\f") },
	"everything": func(text string) string {
		return wrap(strings.TrimRight(strings.NewReplacer("+", " ", "/", "_").Replace(text), "="), 11, "\r\n")
	},
}

func wrap(text string, width int, end string) string {
	var wrapped strings.Builder
	for ; len(text) > width; text = text[width:] {
		wrapped.WriteString(text[:width] + end)
	}
	return wrapped.String() + text
}

func TestReadSealedRepairs(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			blocks := rapid.IntRange(1, 40).Draw(t, "blocks")
			ciphertext := rapid.SliceOfN(rapid.Byte(), 16*blocks, 16*blocks).Draw(t, "ciphertext")
			iv := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "iv")
			dataText, ivText := base64.StdEncoding.EncodeToString(ciphertext), base64.StdEncoding.EncodeToString(iv)
			damaged := damage(dataText) != dataText || damage(ivText) != ivText
			got, err := wechat.ReadSealed(damage(dataText), damage(ivText))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(wechat.Sealed{Ciphertext: ciphertext, IV: iv, Repaired: damaged}, got); diff != "" {
				t.Fatal(diff)
			}
			if _, err := wechat.DecodeSealed(damage(dataText), damage(ivText)); (err != nil) != damaged {
				t.Fatalf("strict reading says %v", err)
			}
		}))
	}
}

func TestSpaceBehindPaddingIsNoPlus(t *testing.T) {
	data, iv := seal(t, `{"x":"an object of two blocks"}`)
	sealed, err := wechat.ReadSealed(data+" ", iv+" \n")
	if err != nil || !strings.HasSuffix(data, "=") {
		t.Fatalf("%q: %v", data, err)
	}
	if _, err := sealed.Open(testKey()); err != nil {
		t.Error(err)
	}
}

func TestSealedDataOpensAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := app.SessionKey{Secret: app.Secret(base64.StdEncoding.EncodeToString(drawBlock(t, "key")))}
		nickname := rapid.String().Draw(t, "nickname")
		plaintext := fmt.Sprintf(`{"nickName":%s,"watermark":{"appid":"wx1","timestamp":1}}`, quote(nickname))
		data, iv, err := wechat.Seal(key, drawBlock(t, "iv"), []byte(plaintext))
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := wechat.DecodeSealed(data, iv)
		if err != nil {
			t.Fatal(err)
		}
		payload, err := sealed.Open(key)
		if err != nil || payload.Profile.Nickname != nickname {
			t.Fatalf("%q came back as %q, %v", nickname, payload.Profile.Nickname, err)
		}
	})
}

func drawBlock(t *rapid.T, label string) []byte {
	return rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, label)
}

// rawSeal encrypts without padding, to make what no Seal makes.
func rawSeal(plaintext string) wechat.Sealed {
	key, _ := base64.StdEncoding.DecodeString(testKeyText)
	block, _ := aes.NewCipher(key)
	text := []byte(plaintext)
	cipher.NewCBCEncrypter(block, testIV).CryptBlocks(text, text)
	return wechat.Sealed{Ciphertext: text, IV: testIV}
}

func TestOpenChecksEveryByteOfThePadding(t *testing.T) {
	for name, plaintext := range map[string]string{
		"zero":                   "{}             \x00",
		"17, more than a block":  `{"a":"bcdefghi"}` + strings.Repeat("\x11", 16),
		"255":                    "{}             \xff",
		"first of two differs":   "{}            \x01\x02",
		"first of 16 differs":    "{} " + strings.Repeat(" ", 13) + "\x0f" + strings.Repeat("\x10", 15),
		"middle of five differs": "{}         \x05\x05\x04\x05\x05",
	} {
		if _, err := rawSeal(plaintext).Open(testKey()); !errors.Is(err, wechat.BadPadding) {
			t.Errorf("%s: %v", name, err)
		}
	}
	whole := rawSeal(`{"a":"bcdefghi"}` + strings.Repeat("\x10", 16))
	if _, err := whole.Open(testKey()); err != nil {
		t.Errorf("a whole block of padding: %v", err)
	}
	empty := rawSeal(strings.Repeat("\x10", 16))
	if _, err := empty.Open(testKey()); !errors.Is(err, wechat.BadJSON) {
		t.Errorf("nothing but padding: %v", err)
	}
}

func TestOpenRefusesWhatReadSealedNeverMakes(t *testing.T) {
	good := rawSeal("{}" + strings.Repeat("\x0e", 14))
	for name, test := range map[string]struct {
		sealed wechat.Sealed
		key    app.SessionKey
		want   wechat.OpenProblem
	}{
		"no key":        {good, app.SessionKey{}, wechat.BadSessionKey},
		"nothing":       {wechat.Sealed{}, testKey(), wechat.BadIV},
		"short iv":      {wechat.Sealed{Ciphertext: good.Ciphertext, IV: testIV[:15]}, testKey(), wechat.BadIV},
		"no ciphertext": {wechat.Sealed{IV: testIV}, testKey(), wechat.BadCiphertextLength},
		"half a block":  {wechat.Sealed{IV: testIV, Ciphertext: good.Ciphertext[:8]}, testKey(), wechat.BadCiphertextLength},
	} {
		if _, err := test.sealed.Open(test.key); err != error(test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	if _, _, err := wechat.Seal(app.SessionKey{}, testIV, nil); !errors.Is(err, wechat.BadSessionKey) {
		t.Error(err)
	}
	if _, _, err := wechat.Seal(testKey(), testIV[:15], nil); !errors.Is(err, wechat.BadIV) {
		t.Error(err)
	}
}

func TestSealLeavesItsInputAlone(t *testing.T) {
	plaintext := append(make([]byte, 0, 64), "{}"...)
	if _, _, err := wechat.Seal(testKey(), testIV, plaintext); err != nil || !bytes.Equal(plaintext[:16], append([]byte("{}"), make([]byte, 14)...)) {
		t.Errorf("plaintext became %q, %v", plaintext[:16], err)
	}
}

// A wrong key gives noise. About 1 in 255 has good padding by chance; none may come out as a payload.
func TestNoiseNeverOpens(t *testing.T) {
	sealed, err := wechat.DecodeSealed(seal(t, `{"nickName":"Band","gender":1}`))
	if err != nil {
		t.Fatal(err)
	}
	padded := 0
	for i := range 5000 {
		key := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "wrong key%07d", i))
		_, err := sealed.Open(app.SessionKey{Secret: app.Secret(key)})
		switch {
		case errors.Is(err, wechat.BadJSON):
			padded++
		case !errors.Is(err, wechat.BadPadding):
			t.Fatalf("key %d: %v", i, err)
		}
	}
	if padded == 0 {
		t.Error("no noise passed the padding: the JSON check was not reached")
	}
}
