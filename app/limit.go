package app

// Limit is the stable id of a bound that somebody can run into, as metrics and docs/limits.md name it.
type Limit string

// The limits that are counted when they are hit.
const (
	LimitAddress       Limit = "api_address"            // failures of one network address at the API
	LimitSession       Limit = "api_session"            // failures to open of one session
	LimitBody          Limit = "body"                   // bytes of a request
	LimitReports       Limit = "api_reports"            // reports of clients from one address
	LimitUploads       Limit = "uploads_waiting"        // pictures that are read or made small
	LimitUserUploads   Limit = "user_uploads"           // pictures that one user sends
	LimitBackEnd       Limit = "backend_calls"          // calls of one business server
	LimitBackEndCounts Limit = "backend_counts_waiting" // calls of business servers that wait to be counted
	LimitInquiries     Limit = "key_questions_waiting"  // questions about keys that wait for their turn
	LimitLoginsWaiting Limit = "logins_waiting"         // logins that wait for WeChat
	LimitBreaker       Limit = "wechat_breaker"         // calls while WeChat is out of reach
	LimitWrites        Limit = "writes_waiting"         // writes that wait for the disk
	LimitStrangers     Limit = "stranger_events"        // failures of strangers that are told one by one
	LimitSignInName    Limit = "signin_name"            // wrong passwords for one name from one address
	LimitSignInAddress Limit = "signin_address"         // wrong passwords from one address
	LimitSignInDevice  Limit = "signin_device"          // wrong passwords or codes in a browser that is known
	LimitCodesAddress  Limit = "signin_codes_address"   // wrong one-time codes from one address
	LimitCodesAccount  Limit = "signin_codes_account"   // wrong one-time codes of one account
	LimitHashing       Limit = "password_hashing"       // passwords that wait to be hashed
	LimitStreams       Limit = "live_streams"           // live pages of one operator
)

// Limits lists every limit, always in the same order.
func Limits() []Limit {
	return []Limit{
		LimitAddress, LimitSession, LimitBody, LimitReports, LimitUploads, LimitUserUploads, LimitBackEnd, LimitBackEndCounts,
		LimitInquiries, LimitLoginsWaiting, LimitBreaker, LimitWrites, LimitStrangers, LimitSignInName, LimitSignInAddress, LimitSignInDevice, LimitCodesAddress, LimitCodesAccount, LimitHashing, LimitStreams,
	}
}
