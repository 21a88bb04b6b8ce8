// Package wechat is what this program knows about WeChat: its HTTP API as a client, the sealed data (encryptedData and iv)
// that mini programs collect, the signatures made with a session key, and message push. Apart from the sandbox, which plays
// WeChat, no other package knows WeChat's field names or error numbers.
//
// It promises that no error, log value or formatted Client or Push shows the app secret, an access token, a session key or
// a push Token, that no input panics, and that a login code is never sent a second time once WeChat may have received it. Of
// what it learns it keeps the access token alone: which keys a user has, how old sealed data may be and what a failure
// means for a client are rules of package keeper.
package wechat
