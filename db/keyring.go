package db

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"wxkeeper/app"
)

// The purposes of data keys. Each stands in the database, wrapped by the master key, so that a new master key re-wraps a few
// rows and touches no data.
const (
	purposeSealing     = "sealing"
	purposePhoneHash   = "phone hash"
	purposeFingerprint = "fingerprint"
	purposeAudit       = "audit"
)

// purposes are those of all data keys, the one that data cannot do without first.
var purposes = []string{purposeSealing, purposePhoneHash, purposeFingerprint, purposeAudit}

const dataKeyBytes = 32

// KeyRing seals secrets for storage and opens them: AES-256-GCM under a data key, bound to the place where the secret
// stands, so that a value moved to another row does not open.
type KeyRing struct {
	sealing      map[uint16]cipher.AEAD
	sealingKeyID uint16 // what new values are sealed with
	phoneHash    []byte
	fingerprint  []byte
	audit        []byte
}

// Place is where a secret stands.
type Place struct {
	AppID app.AppID
	Table string
	Row   app.ID
	Owner app.OpenID
}

// PhonePlace is where a user's phone number stands.
func PhonePlace(appID app.AppID, user app.UserID, owner app.OpenID) Place {
	return Place{AppID: appID, Table: "users.phone", Row: app.ID(user), Owner: owner}
}

// KeyPlace is where a session key stands.
func KeyPlace(appID app.AppID, key app.KeyID, owner app.OpenID) Place {
	return Place{AppID: appID, Table: "session_keys", Row: app.ID(key), Owner: owner}
}

// AccessTokenPlace is where an app's access token stands.
func AccessTokenPlace(appID app.AppID, appid app.Appid) Place {
	return Place{AppID: appID, Table: "access_tokens", Row: app.ID(appID), Owner: app.OpenID(appid)}
}

// AppSecretPlaces are where an app's credentials stand.
func AppSecretPlaces(of app.App) app.AppSecrets[Place] {
	at := func(column string) Place {
		return Place{AppID: of.ID, Table: "apps." + column, Row: app.ID(of.ID), Owner: app.OpenID(of.Appid)}
	}
	return app.AppSecrets[Place]{Secret: at("secret"), PushToken: at("push_token"), PushKey: at("push_key")}
}

func (p Place) additionalData() []byte {
	return fmt.Appendf(nil, "wxkeeper\x00%s\x00%d\x00%d\x00%s", p.Table, p.AppID, p.Row, p.Owner)
}

// What can be wrong with the keys of a data folder, each in one clear line.
var (
	errMasterKey   = errors.New("the master key does not fit this data folder: set WXKEEPER_MASTER_KEY(_FILE) to the key it was created with")
	errNeverServed = errors.New("nothing has been served from this data folder yet: wxkeeper serve makes its keys")
	errNoDataKeys  = errors.New("the database holds users but no data keys: it is damaged, restore a backup")
)

// EnsureKeyRing unwraps the data keys with the master key, making those that do not exist yet.
func (d *DB) EnsureKeyRing(ctx context.Context, master [dataKeyBytes]byte, now time.Time) (*KeyRing, error) {
	if err := d.makeDataKeys(ctx, newGCM(master[:]), now); err != nil {
		return nil, err
	}
	return d.KeyRing(ctx, master)
}

// KeyRing unwraps the data keys with the master key. It makes none: a folder without them has never been served.
func (d *DB) KeyRing(ctx context.Context, master [dataKeyBytes]byte) (*KeyRing, error) {
	stored, err := d.read.dataKeys(ctx)
	if err != nil {
		return nil, err
	}
	if len(stored) == 0 {
		return nil, errNeverServed
	}
	wrapping := newGCM(master[:])
	ring := &KeyRing{sealing: map[uint16]cipher.AEAD{}}
	for _, one := range stored {
		if err := ring.add(wrapping, one); err != nil {
			return nil, err
		}
	}
	return ring, nil
}

func (q *Queries) dataKeys(ctx context.Context) ([]dataKey, error) {
	var keys []dataKey
	err := q.each(ctx, `SELECT id, purpose, wrapped FROM data_keys ORDER BY id`, nil, func(scan func(...any) error) error {
		var stored dataKey
		err := scan(&stored.id, &stored.purpose, &stored.wrapped)
		keys = append(keys, stored)
		return err
	})
	return keys, err
}

// dataKey is one wrapped key as it is stored.
type dataKey struct {
	id      uint16
	purpose string
	wrapped []byte
}

func (k dataKey) additionalData() []byte {
	return fmt.Appendf(nil, "wxkeeper data key\x00%d\x00%s", k.id, k.purpose)
}

func (r *KeyRing) add(wrapping cipher.AEAD, stored dataKey) error {
	key, err := openGCM(wrapping, stored.wrapped, stored.additionalData())
	if err != nil {
		return errMasterKey
	}
	switch stored.purpose {
	case purposeSealing:
		r.sealing[stored.id], r.sealingKeyID = newGCM(key), stored.id
	case purposePhoneHash:
		r.phoneHash = key
	case purposeFingerprint:
		r.fingerprint = key
	case purposeAudit:
		r.audit = key
	}
	return nil
}

func (d *DB) makeDataKeys(ctx context.Context, wrapping cipher.AEAD, now time.Time) error {
	missing, err := d.read.missingPurposes(ctx)
	if err != nil || len(missing) == 0 {
		return err
	}
	return d.Write(ctx, func(tx *Tx) error {
		missing, err := tx.missingPurposes(ctx)
		if err != nil {
			return err
		}
		for _, purpose := range missing {
			if err := tx.insertDataKey(wrapping, purpose, now); err != nil {
				return err
			}
		}
		return nil
	})
}

func (q *Queries) missingPurposes(ctx context.Context) ([]string, error) {
	var missing []string
	for _, purpose := range purposes {
		var n int
		err := q.one(ctx, `SELECT COUNT(*) FROM data_keys WHERE purpose = ?`, []any{purpose}, &n)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			missing = append(missing, purpose)
		}
	}
	users, err := q.UsersAfter(ctx, 0, 1)
	if err == nil && len(missing) > 0 && len(users) > 0 && missing[0] == purposeSealing {
		err = app.Fail(app.StorageUnavailable, "").Because(errNoDataKeys)
	}
	return missing, err
}

func (t *Tx) insertDataKey(wrapping cipher.AEAD, purpose string, now time.Time) error {
	made := dataKey{purpose: purpose}
	err := t.one(context.Background(), `SELECT COALESCE(MAX(id), 0) + 1 FROM data_keys`, nil, &made.id)
	if err != nil {
		return err
	}
	key := make([]byte, dataKeyBytes)
	rand.Read(key) // never fails since Go 1.24: it ends the program instead
	made.wrapped = sealGCM(wrapping, nil, key, made.additionalData())
	_, err = t.change(`INSERT INTO data_keys (id, purpose, wrapped, created_at) VALUES (?, ?, ?, ?)`,
		made.id, made.purpose, made.wrapped, milliseconds(now))
	if err != nil || purpose != purposeAudit {
		return err
	}
	return t.sealEmptyAudit(key)
}

// Seal encrypts a secret for a place. The result names the data key it was sealed with.
func (r *KeyRing) Seal(place Place, secret []byte) []byte {
	prefix := binary.BigEndian.AppendUint16(nil, r.sealingKeyID)
	return sealGCM(r.sealing[r.sealingKeyID], prefix, secret, place.additionalData())
}

// Open decrypts what Seal made for the same place.
func (r *KeyRing) Open(place Place, sealed []byte) ([]byte, error) {
	if len(sealed) < 2 {
		return nil, errors.New("sealed value too short")
	}
	key, ok := r.sealing[binary.BigEndian.Uint16(sealed)]
	if !ok {
		return nil, errors.New("sealed under an unknown data key")
	}
	return openGCM(key, sealed[2:], place.additionalData())
}

// SealValue encrypts a value, as JSON, for a place.
func (r *KeyRing) SealValue(place Place, value any) ([]byte, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return r.Seal(place, text), nil
}

// OpenValue decrypts into value what SealValue made for the same place.
func (r *KeyRing) OpenValue(place Place, sealed []byte, value any) error {
	text, err := r.Open(place, sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, value)
}

// Fingerprint tells session keys apart without showing them.
func (r *KeyRing) Fingerprint(key app.SessionKey) app.Fingerprint {
	return app.Fingerprint(keyedHash(r.fingerprint, key.Reveal())[:8])
}

// AddressFingerprint tells addresses apart that are secrets, 8 hex digits.
func (r *KeyRing) AddressFingerprint(address app.Secret) string {
	return hex.EncodeToString(keyedHash(r.fingerprint, "address\x00"+address.Reveal())[:4])
}

// PhoneHash finds a phone number without storing it in clear: a keyed hash, 16 bytes.
func (r *KeyRing) PhoneHash(number string) []byte { return keyedHash(r.phoneHash, number)[:16] }

func keyedHash(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only for a key of a wrong length, which is our own mistake
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return gcm
}

func sealGCM(key cipher.AEAD, prefix, plaintext, additionalData []byte) []byte {
	nonce := make([]byte, key.NonceSize())
	rand.Read(nonce) // never fails since Go 1.24: it ends the program instead
	return key.Seal(append(prefix, nonce...), nonce, plaintext, additionalData)
}

func openGCM(key cipher.AEAD, sealed, additionalData []byte) ([]byte, error) {
	if len(sealed) < key.NonceSize() {
		return nil, errors.New("sealed value too short")
	}
	nonce, ciphertext := sealed[:key.NonceSize()], sealed[key.NonceSize():]
	return key.Open(nil, nonce, ciphertext, additionalData)
}
