package sandbox

import "cmp"

// Person is somebody who uses mini programs, as their WeChat account tells.
type Person struct {
	Nickname    string
	AvatarURL   string // "": made up
	Gender      int    // 0 unknown, 1 male, 2 female
	Language    string // "": zh_CN
	City        string
	Province    string
	Country     string
	PhoneNumber string // without country code; "": made up
	CountryCode string // "": 86
	Anonymous   bool   // WeChat gives 微信用户 and the grey avatar instead
}

// complete fills in what a person left to be made up.
func (p Person) complete(from Person) Person {
	p.AvatarURL = cmp.Or(p.AvatarURL, from.AvatarURL)
	p.Language = cmp.Or(p.Language, from.Language)
	p.PhoneNumber = cmp.Or(p.PhoneNumber, from.PhoneNumber)
	p.CountryCode = cmp.Or(p.CountryCode, from.CountryCode)
	return p
}
