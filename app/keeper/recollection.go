package keeper

import (
	"encoding/binary"
	"time"

	"wxkeeper/app"
)

// coder writes the fields of a recollection one after the other, or reads them in the same order.
type coder struct {
	bytes   []byte
	reading bool
}

func encoded(known recollection) []byte {
	c := coder{bytes: make([]byte, 0, 512)}
	c.recollection(&known)
	return append([]byte(nil), c.bytes...) // no longer than it is: it is kept
}

func decoded(bytes []byte) recollection {
	var known recollection
	c := coder{bytes: bytes, reading: true}
	c.recollection(&known)
	return known
}

func (c *coder) recollection(known *recollection) {
	flag(c, &known.allKeys)
	whole(c, &known.session.ID)
	when(c, &known.session.SeenAt)
	whole(c, &known.session.Generation)
	c.user(&known.user)
	known.session.UserID = known.user.ID
	count := len(known.keys)
	whole(c, &count)
	if c.reading {
		known.keys = make([]app.KeyRecord, count)
	}
	for i := range known.keys {
		c.key(&known.keys[i])
		known.keys[i].UserID = known.user.ID
	}
}

func (c *coder) user(user *app.User) {
	whole(c, &user.ID)
	whole(c, &user.AppID)
	text(c, &user.OpenID)
	whole(c, &user.Number)
	text(c, &user.UnionID)
	c.profile(&user.Profile)
	when(c, &user.ProfileAt)
	octets(c, &user.Phone.Sealed)
	octets(c, &user.Phone.Hash)
	text(c, &user.Phone.Tail)
	when(c, &user.PhoneAt)
	when(c, &user.LastSeenAt)
	when(c, &user.DisabledAt)
	whole(c, &user.Generation)
	whole(c, &user.LastEvent)
	octets(c, &user.Opened)
	text(c, &user.ClientVersion)
	text(c, &user.Platform)
}

func (c *coder) profile(profile *app.Profile) {
	text(c, &profile.Nickname)
	text(c, &profile.AvatarURL)
	whole(c, &profile.Gender)
	text(c, &profile.Language)
	text(c, &profile.City)
	text(c, &profile.Province)
	text(c, &profile.Country)
}

func (c *coder) key(key *app.KeyRecord) {
	whole(c, &key.ID)
	for i := range key.Fingerprint {
		c.octet(&key.Fingerprint[i])
	}
	octets(c, &key.Sealed)
	when(c, &key.AskedAt)
	when(c, &key.SupersededAt)
	when(c, &key.ConfirmedAt)
	text(c, &key.ConfirmedBy)
	when(c, &key.FailedAt)
	when(c, &key.DeadAt)
	whole(c, &key.DeadErrcode)
	when(c, &key.ResetAt)
	when(c, &key.TriedAt)
}

func (c *coder) octet(value *byte) {
	if c.reading {
		*value, c.bytes = c.bytes[0], c.bytes[1:]
		return
	}
	c.bytes = append(c.bytes, *value)
}

func flag(c *coder, value *bool) {
	var set byte
	if *value {
		set = 1
	}
	c.octet(&set)
	*value = set == 1
}

func whole[T ~int | ~int32 | ~int64](c *coder, value *T) {
	if !c.reading {
		c.bytes = binary.AppendVarint(c.bytes, int64(*value))
		return
	}
	read, length := binary.Varint(c.bytes)
	*value, c.bytes = T(read), c.bytes[length:]
}

// when keeps microseconds: the storage keeps no more.
func when(c *coder, value *time.Time) {
	var micro int64
	if !value.IsZero() {
		micro = value.UnixMicro()
	}
	whole(c, &micro)
	if c.reading && micro != 0 {
		*value = time.UnixMicro(micro)
	}
}

func text[T ~string](c *coder, value *T) {
	length := len(*value)
	whole(c, &length)
	if !c.reading {
		c.bytes = append(c.bytes, *value...)
		return
	}
	*value, c.bytes = T(c.bytes[:length]), c.bytes[length:]
}

func octets[T ~[]byte](c *coder, value *T) {
	length := len(*value)
	whole(c, &length)
	if !c.reading {
		c.bytes = append(c.bytes, *value...)
		return
	}
	if length > 0 {
		*value = append(T(nil), c.bytes[:length]...)
	}
	c.bytes = c.bytes[length:]
}
