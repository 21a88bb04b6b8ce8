// Package wechat is what this program knows about WeChat: its HTTP API as a client, the sealed data (encryptedData and iv)
// that mini programs collect, and the signatures made with a session key. Apart from the sandbox, which plays WeChat, no
// other package knows WeChat's field names or error numbers.
//
// It promises that no error, log value or formatted Client shows the app secret or a session key, that no input panics,
// and that a login code is never sent a second time once WeChat may have received it. It keeps nothing: which keys a user
// has, how old sealed data may be and what a failure means for a client are rules of package keeper.
package wechat
