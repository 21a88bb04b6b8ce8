// Package views turns values into pages: templ components, their texts in two languages and the style sheet they share.
// A page gets everything it shows as a value. It fetches nothing, asks no clock and knows no HTTP.
package views

//go:generate go tool -modfile=../tools.mod templ generate
