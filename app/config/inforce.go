package config

import "reflect"

// InForce is a setting with what it is now.
type InForce struct {
	Setting
	Value string // of a secret: always empty
	Set   bool   // a secret is there; any other setting differs from its default
}

// Secret says whether the value may be shown to nobody.
func (s InForce) Secret() bool { return s.Flag == "" }

// SettingsInForce lists every setting with what it is, given what the server was told and what was made of it. It holds no secret.
func SettingsInForce(told Serve, made Config) []InForce {
	trim(&told)
	secrets := map[string]bool{
		"WXKEEPER_SECRET": made.Secret != "", "WXKEEPER_MASTER_KEY": !made.MasterKey.IsZero(),
		"WXKEEPER_PUSH_TOKEN": made.PushToken != "", "WXKEEPER_PUSH_AES_KEY": made.PushAESKey != "",
	}
	values := reflect.ValueOf(told)
	var all []InForce
	for _, field := range reflect.VisibleFields(values.Type()) {
		for _, setting := range Settings() {
			if setting.Variable != field.Tag.Get("env") {
				continue
			}
			now := InForce{Setting: setting, Set: secrets[setting.Variable]}
			if !now.Secret() {
				now.Value = values.FieldByIndex(field.Index).String()
				now.Set = now.Value != setting.Default
			}
			all = append(all, now)
		}
	}
	return all
}
