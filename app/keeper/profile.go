package keeper

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"wxkeeper/app"
	"wxkeeper/app/picture"
	"wxkeeper/db"
)

// ProfileFields is what a client says of its user. Nobody vouches for it. What is empty stays as it is stored.
type ProfileFields struct {
	Nickname, AvatarURL, Language, City, Province, Country string
	Gender                                                 string // 0, 1 or 2
}

// SetProfile stores what the token's owner says of themselves, as of now: what WeChat sealed before gives way to it, what it seals later
// replaces it, and 微信用户 replaces no real name. It gives the profile as stored. Malformed: a field is not as it must be; missing: all are.
func (k *Keeper) SetProfile(ctx context.Context, caller app.Caller, token string, fields ProfileFields) (Opened, error) {
	h, err := k.admitted(ctx, caller, ByToken(token))
	if err != nil {
		return Opened{}, err
	}
	fields, err = fields.clean()
	if err != nil {
		event := k.event(caller, cmp.Or(app.ReasonOf(err), app.ProfileRefused))
		var failure *app.Error
		if errors.As(err, &failure) {
			event.Detail.Field = failure.Field
		}
		return Opened{}, k.refuse(ctx, h, event, nil, err)
	}
	if fields.over(h.user.Profile) == h.user.Profile { // sent twice, or nothing new
		return Opened{User: h.user.Number, IsProfile: true, Profile: h.user.Profile}, k.slide(ctx, &h)
	}
	after, err := k.changeProfile(ctx, caller, h, fields, app.ProfileWasUpdated, nil)
	return Opened{User: after.Number, IsProfile: true, Profile: after.Profile}, err
}

// changeProfile puts fields over the stored profile, by the rule that holds for what WeChat sealed. Its event has the reason, unless the
// profile was kept.
func (k *Keeper) changeProfile(
	ctx context.Context, caller app.Caller, h holder, fields ProfileFields, reason app.Reason, also func(tx *db.Tx, user app.User) error,
) (app.User, error) {
	return k.changeHolder(ctx, h, func(tx *db.Tx, before app.User) (app.User, app.Event, error) {
		after, event := before, k.event(caller, reason)
		notes := applyProfile(&after, fields.over(before.Profile), later(h.at, before.ProfileAt))
		if slices.Contains(notes, app.ProfileWasAnonymous) {
			event.Reason = app.ProfileWasAnonymous
		}
		seen(&after, h.at)
		if also == nil {
			return after, event, nil
		}
		return after, event, also(tx, before)
	})
}

// over puts what is given over a profile.
func (f ProfileFields) over(profile app.Profile) app.Profile {
	profile.Nickname = cmp.Or(f.Nickname, profile.Nickname)
	profile.AvatarURL = cmp.Or(f.AvatarURL, profile.AvatarURL)
	profile.Language = cmp.Or(f.Language, profile.Language)
	profile.City = cmp.Or(f.City, profile.City)
	profile.Province = cmp.Or(f.Province, profile.Province)
	profile.Country = cmp.Or(f.Country, profile.Country)
	if f.Gender != "" {
		profile.Gender = int(f.Gender[0] - '0')
	}
	return profile
}

func (f ProfileFields) clean() (ProfileFields, error) {
	if f == (ProfileFields{}) {
		return f, app.FailField(app.MissingParameter, "", "nickName")
	}
	var err error
	words := []struct {
		name string
		text *string
	}{
		{"nickName", &f.Nickname}, {"language", &f.Language}, {"city", &f.City}, {"province", &f.Province}, {"country", &f.Country},
	}
	for _, one := range words {
		if *one.text == "" {
			continue
		}
		if *one.text, err = app.CleanWords(one.name, *one.text); err != nil {
			return f, err
		}
	}
	if f.Gender != "" && f.Gender != "0" && f.Gender != "1" && f.Gender != "2" {
		return f, app.FailField(app.Malformed, app.ProfileRefused, "gender")
	}
	if f.AvatarURL != "" {
		err = app.CheckAvatarURL(f.AvatarURL)
	}
	return f, err
}

// StoreAvatar keeps the picture that the token's owner uploaded, made small, and makes it their avatar in the place of the one before. Its
// address is base and the name of the picture. Malformed: it is no picture to keep, or base is too long for an address. TooManyRequests: the
// user has sent too many.
func (k *Keeper) StoreAvatar(ctx context.Context, caller app.Caller, token string, file []byte, base string) (address string, err error) {
	h, err := k.admitted(ctx, caller, ByToken(token))
	if err != nil {
		return "", err
	}
	if wait := k.noteUpload(h); wait > 0 {
		return "", app.Fail(app.TooManyRequests, app.AvatarRefused).After(wait)
	}
	small, err := picture.Normalize(ctx, file)
	if err != nil {
		if ctx.Err() != nil {
			return "", err // nobody waits for it any more
		}
		event := k.event(caller, app.AvatarRefused)
		event.Detail.Field, event.Detail.Problem = "file", pictureProblems[err]
		failure := app.FailField(app.Malformed, app.AvatarRefused, "file").Because(err)
		return "", k.refuse(ctx, h, event, nil, failure)
	}
	avatar := app.Avatar{UserID: h.user.ID, AppID: h.user.AppID, Name: app.NewAvatarName(), Picture: small, At: h.at}
	if address = base + avatar.Name; len(address) > app.AvatarURLLength { // base may be what a stranger says our name is
		return "", app.FailField(app.Malformed, app.AvatarRefused, "host")
	}
	_, err = k.changeProfile(ctx, caller, h, ProfileFields{AvatarURL: address}, app.AvatarStored,
		func(tx *db.Tx, _ app.User) error { return tx.ReplaceAvatar(avatar) })
	return address, err
}

// pictureProblems are the stable ids of what was wrong with a picture.
var pictureProblems = map[error]string{
	picture.ErrType: "picture_type", picture.ErrTooBig: "picture_too_big", picture.ErrDamaged: "picture_damaged",
}

// AvatarType is the media type of what Avatar gives.
const AvatarType = picture.Type

// Avatar gives a picture by the name in its address. NotFound: there is none, or none any more.
func (k *Keeper) Avatar(ctx context.Context, name string) ([]byte, error) {
	found, err := k.store.Read().AvatarByName(ctx, name)
	return found.Picture, err
}
