package wechat

// Errcodes of WeChat's server API (全局返回码 and the pages of the single calls) that reach this system.
const (
	ErrcodeBusy               = -1
	ErrcodeDataUnknown        = 1
	ErrcodeTokenNotLatest     = 40001
	ErrcodeGrantType          = 40002
	ErrcodeOpenIDUnknown      = 40003
	ErrcodeAppidInvalid       = 40013
	ErrcodeTokenInvalid       = 40014
	ErrcodeCodeInvalid        = 40029
	ErrcodeParameterBad       = 40097
	ErrcodeSecretWrong        = 40125
	ErrcodeCodeUsed           = 40163
	ErrcodeAddressNotAllowed  = 40164
	ErrcodeUserBlocked        = 40226
	ErrcodeSecretFrozen       = 40243
	ErrcodeAppidMissing       = 41002
	ErrcodeSecretMissing      = 41004
	ErrcodeCodeMissing        = 41008
	ErrcodeTokenExpired       = 42001
	ErrcodeMethodWrong        = 43002
	ErrcodeBodyEmpty          = 44002
	ErrcodeDayQuota           = 45009
	ErrcodeMinuteQuota        = 45011
	ErrcodeBodyMalformed      = 47001
	ErrcodeAPINotGranted      = 48001
	ErrcodeTokenAPIForbidden  = 50004
	ErrcodeAccountFrozen      = 50007
	ErrcodeNoSessionKey       = 87007
	ErrcodeSignatureMethod    = 87008
	ErrcodeSignatureWrong     = 87009
	ErrcodeAddressWaits       = 89501
	ErrcodeAddressUnconfirmed = 89503
	ErrcodeAddressRefusedDay  = 89506
	ErrcodeAddressRefusedHour = 89507
)

// errcodes is a constant: nothing writes to it.
var errcodes = map[int]struct {
	class   Class
	meaning string
}{
	ErrcodeBusy:               {ClassBusy, "WeChat is busy"},
	ErrcodeDataUnknown:        {ClassOdd, "sealed data unknown, older than 3 days or of another mini program"},
	ErrcodeTokenNotLatest:     {ClassConfiguration, "access token not the latest, or wrong secret"},
	ErrcodeGrantType:          {ClassOdd, "wrong grant type"},
	ErrcodeOpenIDUnknown:      {ClassOdd, "openid unknown to this mini program"},
	ErrcodeAppidInvalid:       {ClassConfiguration, "appid invalid"},
	ErrcodeTokenInvalid:       {ClassConfiguration, "access token invalid"},
	ErrcodeCodeInvalid:        {ClassCodeInvalid, "code invalid, expired or of another mini program"},
	ErrcodeParameterBad:       {ClassOdd, "bad parameter"},
	ErrcodeSecretWrong:        {ClassConfiguration, "app secret wrong"},
	ErrcodeCodeUsed:           {ClassCodeUsed, "code already used"},
	ErrcodeAddressNotAllowed:  {ClassConfiguration, "server address not allowed"},
	ErrcodeUserBlocked:        {ClassBlocked, "WeChat judges this user high risk"},
	ErrcodeSecretFrozen:       {ClassConfiguration, "app secret frozen"},
	ErrcodeAppidMissing:       {ClassConfiguration, "appid missing"},
	ErrcodeSecretMissing:      {ClassConfiguration, "app secret missing"},
	ErrcodeCodeMissing:        {ClassCodeInvalid, "code missing"},
	ErrcodeTokenExpired:       {ClassConfiguration, "access token expired"},
	ErrcodeMethodWrong:        {ClassOdd, "wrong HTTP method"},
	ErrcodeBodyEmpty:          {ClassOdd, "request body empty"},
	ErrcodeDayQuota:           {ClassQuota, "daily quota used up"},
	ErrcodeMinuteQuota:        {ClassLimited, "quota of the minute used up"},
	ErrcodeBodyMalformed:      {ClassOdd, "request body malformed"},
	ErrcodeAPINotGranted:      {ClassConfiguration, "API not granted to this account"},
	ErrcodeTokenAPIForbidden:  {ClassConfiguration, "token API forbidden"},
	ErrcodeAccountFrozen:      {ClassConfiguration, "account frozen"},
	ErrcodeNoSessionKey:       {ClassKeyDead, "WeChat holds no live session key for the user"},
	ErrcodeSignatureMethod:    {ClassOdd, "signature method wrong"},
	ErrcodeSignatureWrong:     {ClassKeyDead, "signature does not fit: the session key is dead"},
	ErrcodeAddressWaits:       {ClassConfiguration, "server address waits for the admin's approval"},
	ErrcodeAddressUnconfirmed: {ClassConfiguration, "server address waits for the admin's approval"},
	ErrcodeAddressRefusedDay:  {ClassConfiguration, "server address refused by the admin for 24 hours"},
	ErrcodeAddressRefusedHour: {ClassConfiguration, "server address refused by the admin for 1 hour"},
}

// Explain says in a few English words what an errcode means; an unknown one is a "WeChat error".
func Explain(errcode int) (meaning string) {
	if known, ok := errcodes[errcode]; ok {
		return known.meaning
	}
	return "WeChat error"
}

func classOfErrcode(errcode int) Class {
	if known, ok := errcodes[errcode]; ok {
		return known.class
	}
	return ClassOdd
}
